/** Our maps beside those of other tools that references.py made: README.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainCard } from '../../bench/plain-card.js';
import { builtinRegistry } from '../../dist/builtin.js';
import { explainSubject } from '../../dist/conformance/subject.js';
import { isUndefined } from '../../dist/core/contracts/index.js';
import { filled, tensor } from '../../dist/core/tensor.js';
import { onnxEngine } from '../../dist/engines/onnx/index.js';

const [folder = 'references', ...chosen] = process.argv.slice(2);
const { explainers } = builtinRegistry();

/** The tools leave a sign or a factor open: README.md. */
const SCALED = new Set(['eigen-cam', 'ablation-cam']);

const distance = (a, b) => {
  let [off, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    off += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return Math.sqrt(off / norm);
};

/** A map times the factor that brings it nearest to another. */
function fitted(a, b) {
  let [both, own] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    both += a[i] * b[i];
    own += a[i] ** 2;
  }
  return a.map(v => (v * both) / own);
}

console.log('| Network | Explainer | Preset | Relative L2 | |\n|---|---|---|---|---|');
for (const name of chosen.length > 0 ? chosen : readdirSync(folder)) {
  const root = join(folder, name);
  const about = JSON.parse(readFileSync(join(root, 'references.json'), 'utf8'));
  const [channels, rows, columns] = about.size;
  const card = plainCard({
    ...{ id: name, file: join(root, 'model.onnx'), classes: about.classes },
    ...{ size: [rows, columns], channels },
  });
  const model = await onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1 });
  const area = rows * columns;
  const image = tensor([rows, columns, channels]);
  for (let i = 0; i < image.data.length; i++)
    image.data[i] = about.image[(i % channels) * area + Math.floor(i / channels)];
  const view = tensor([rows, columns], Float32Array.from(about.image.slice(0, area)));
  const subject = { model, image, baseline: filled(image.shape, 0), view, signal: new AbortController().signal };
  const known = new Set((await model.layers()).map(l => l.name));
  const layer = about.layers.filter(l => known.has(l)).at(-1) ?? about.layers.at(-1);
  for (const { explainer: asked, preset, coarse, map } of about.references) {
    const explainer = explainers.get(asked);
    const given = explainer.presets[preset]?.options ?? ('score' in explainer.options.shape ? { score: 'logit' } : {});
    const options = { ...given, ...('layer' in explainer.options.shape ? { layer } : {}) };
    const wrapped = explainer.wraps && explainers.get(explainer.wraps);
    const said = await explainSubject({ explainer, subject, options, class: about.target, wrapped }).then(
      ({ result }) => (isUndefined(result) ? { why: result.undefined } : result),
      error => ({ why: error.message }),
    );
    const own = coarse ? said.layerMap?.data : said.map?.data;
    // torch-cam's maps have gone through ReLU before they are enlarged.
    const found = own && preset === 'torch-cam' ? own.map(v => Math.max(0, v)) : own;
    const scaled = found && SCALED.has(asked) ? fitted(found, map) : found;
    const shown = scaled ? distance(scaled, map).toExponential(0) : '';
    const gap = said.diagnostics?.completenessGap;
    const more = said.why ?? (gap === undefined ? '' : `sum off by ${gap.toExponential(0)}`);
    console.log(`| ${name} | \`${asked}\` | ${preset} | ${shown} | ${more} |`);
  }
  await model.close();
}
