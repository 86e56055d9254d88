/**
 * What ct-xai-bench makes of exported networks, for zoo.py: scores, the gradient of a class's logit with respect to the
 * image, the layer of class activation maps with its values and gradients, and the sum of DeepLIFT's map.
 *
 *   node tools/zoo/compare.js JOB.json
 *
 * The job names files: the image (float32, [rows, columns, channels]) and, for each export, the model and where results
 * go, and the layout of images in the model where it is not NCHW. A .keras file is read by the engine that the program
 * takes by itself. DeepLIFT's baseline has the same value everywhere. Results: PREFIX.json, and PREFIX.scores, .gradient, .activations, .slopes as float32.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { plainCard } from '../../bench/plain-card.js';
import { builtinRegistry } from '../../dist/builtin.js';
import { openModel } from '../../dist/jobs/open-model.js';
import { deeplift } from '../../dist/methods/deeplift.js';

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const bytes = readFileSync(job.image);
const image = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
for (const { model, prefix } of job.exports) {
  writeFileSync(`${prefix}.json`, JSON.stringify(await results(model, prefix).catch(refusal)));
}

function refusal(error) {
  return { error: [error.message, error.hint].filter(Boolean).join(' ') };
}

async function results(file, prefix) {
  const { rows, columns, channels, classes, target, layout = 'NCHW' } = job;
  const format = file.endsWith('.keras') ? 'tfjs' : 'onnx';
  const plain = plainCard({ id: 'zoo', file, classes, size: [rows, columns], channels });
  const card = { ...plain, format, input: { ...plain.input, layout } };
  const start = performance.now();
  const engine = { use: 'auto', device: 'cpu', workers: 1, threads: 1, microBatch: 1 };
  const opened = await openModel({ engine, registry: builtinRegistry() }, { id: 'zoo', card });
  const write = (name, data) => writeFileSync(`${prefix}.${name}`, new Uint8Array(Float32Array.from(data).buffer));
  const batch = { count: 1, write: (_, out) => out.set(image) };
  const about = { class: target, score: 'logit' };
  try {
    const { limitations = {}, camLayer, otherCamLayers, noCamLayer, measured, note } = opened.runtime;
    const found = {
      seconds: (performance.now() - start) / 1000,
      limitations,
      camLayer,
      otherCamLayers,
      noCamLayer,
      note,
    };
    found.warnings = measured?.warnings;
    write('scores', (await opened.scores(batch, { as: 'logit' })).data);
    if (opened.capabilities.has('gradients')) {
      try {
        await opened.gradients(batch, about, (_, gradient) => write('gradient', gradient));
        found.gradient = true;
      } catch (error) {
        found.gradientError = error.message;
      }
    }
    if (camLayer !== undefined && opened.capabilities.has('layers')) {
      const { activations, gradients, spatial } = await opened.layer(batch, about, undefined);
      write('activations', activations.data);
      write('slopes', gradients.data);
      Object.assign(found, { shape: activations.shape, spatial });
    }
    found.deeplift = opened.capabilities.has('backward-rules') ? await deepliftSum(opened).catch(refusal) : {};
    return found;
  } finally {
    await opened.close();
  }
}

async function deepliftSum(model) {
  const { rows, columns, channels, deeplift: asked } = job;
  const shape = [rows, columns, channels];
  const explained = await deeplift.explain({
    model,
    image: { shape, data: image },
    baseline: { shape, data: new Float32Array(image.length).fill(asked.baseline) },
    target: { class: asked.class },
    options: { score: 'logit', background: 0 },
  });
  const { map, diagnostics, notes } = explained;
  return { sum: map.data.reduce((a, b) => a + b, 0), gap: diagnostics.completenessGap, notes };
}
