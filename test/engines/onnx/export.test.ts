import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../../src/builtin.ts';
import { imageBatch } from '../../../src/core/batch.ts';
import type { FullClassifier, ModelCard } from '../../../src/core/contracts/index.ts';
import { gaussLegendre } from '../../../src/core/linear/quadrature.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { explainedModel, type MapRecipe } from '../../../src/engines/onnx/export/explained-model.ts';
import { MAP_HEADS, type MapOptions } from '../../../src/engines/onnx/export/map-heads.ts';
import { runExplained } from '../../../src/engines/onnx/export/run-explained.ts';
import { attr, constant, type Graph, GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { decodeModel, encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { readModelFile } from '../../../src/engines/onnx/load/file.ts';
import { referenceBaseline, referenceCard, referenceImage, referenceModels } from '../../golden/explainers/index.ts';
import { mapOf } from '../../methods/helpers.ts';
import { cardFor, images as noisy } from './fixtures.ts';

/** Agreement with explain that is promised, relative to the map's largest value. */
const TOLERANCE = 1e-5;

const { explainers } = builtinRegistry();
const folder = mkdtempSync(join(tmpdir(), 'export-'));
afterAll(() => rmSync(folder, { recursive: true }));

const open = (card: ModelCard) => onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 2 });

function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>): void {
  const largest = Math.max(...Array.from(expected, Math.abs));
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(got[i]! - expected[i]!) / largest).toBeLessThan(TOLERANCE);
  }
}

function recipeOf(name: string, given: Readonly<Record<string, unknown>> = {}): MapRecipe & { options: MapOptions } {
  const steps = name === 'integrated-gradients' ? { steps: 12, maxSteps: 12 } : {};
  const options = explainers.get(name)!.options.parse({ ...steps, ...given }) as MapOptions;
  return { explainer: name, options, ...('steps' in steps ? { path: gaussLegendre(12) } : {}) };
}

/** What else than the defaults each explainer is exported with. */
const OPTIONS: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
  'grad-cam': [
    { relu: false, interpolation: 'nearest' },
    { interpolation: 'nearest-corner' },
    { score: 'probability' },
  ],
  'hires-cam': [{ relu: 'each' }, { relu: 'sum', score: 'logit' }],
  saliency: [{ signed: true, score: 'logit' }, { channels: 'maximum' }],
  lrp: [
    { composite: 'gamma', attention: 'values' },
    { composite: 'epsilon-gamma-box', low: -3, high: 4 },
  ],
};

describe.each(['cnn', 'densenet', 'efficientnet', 'convnext', 'vit'])('%s', name => {
  const entry = referenceModels[name]!;
  const images = [referenceImage(entry, 0), referenceImage(entry, 1)];
  const baseline = referenceBaseline(entry);
  const card = referenceCard(name);
  let model: FullClassifier;
  beforeAll(async () => {
    model = await open(card);
  });
  afterAll(() => model?.close());

  const heads = Object.keys(MAP_HEADS).filter(explainer => {
    const rectified = explainer === 'guided-backprop' || explainer === 'deconvnet';
    // Grad-CAM++ divides by sums of signed tokens near zero, where float32 is off by more.
    if (rectified) return name === 'cnn' || name === 'densenet';
    return name !== 'vit' || explainer !== 'grad-cam-plus-plus';
  });
  const cases = heads.flatMap(explainer =>
    [{}, ...(OPTIONS[explainer] ?? [])].map(options => [explainer, options] as const),
  );

  it.each(cases)('%s %o is as explain has it, for any number of images', async (explainer, given) => {
    const recipe = recipeOf(explainer, given);
    const made = await explainedModel(card, { ...recipe, baseline });
    expect(made.batch).toBe('any');
    const together = await runExplained(made, images, 'NCHW');
    const logits = (await model.scores(imageBatch(...images), { as: 'logit' })).data;
    for (const [i, image] of images.entries()) {
      const own = logits.subarray(i * entry.classes, (i + 1) * entry.classes);
      expectClose(together[i]!.scores, own);
      const view = { shape: [entry.side, entry.side], data: image.data };
      const subject = { model, image, baseline, view, signal: new AbortController().signal };
      const { map } = await mapOf({
        explainer: explainers.get(explainer)!,
        subject,
        options: recipe.options,
        class: own.indexOf(Math.max(...own)),
      });
      expectClose(together[i]!.map, map.data);
      const [alone] = await runExplained(made, [image], 'NCHW');
      expectClose(alone!.map, map.data);
    }
  });

  it('explains a class that is given, and says what it is', async () => {
    const recipe = recipeOf('saliency');
    const { bytes, ...made } = await explainedModel(card, { ...recipe, class: 1 }, { explainer: 'saliency' });
    const [image] = images;
    const view = { shape: [entry.side, entry.side], data: image!.data };
    const subject = { model, image: image!, baseline, view, signal: new AbortController().signal };
    const { map } = await mapOf({ explainer: explainers.get('saliency')!, subject, class: 1 });
    const [got] = await runExplained({ bytes, ...made }, [image!], 'NCHW');
    expectClose(got!.map, map.data);
    expect(Buffer.from(bytes).includes('explainer')).toBe(true);
  });
});

it.each(['input-x-gradient', 'integrated-gradients', 'deeplift'])(
  '%s has the baseline of each channel, where they are normalised apart',
  async name => {
    const file = fileURLToPath(new URL('../../golden/blocks/convnext.onnx', import.meta.url));
    const input = { size: [16, 16], channels: 3, layout: 'NCHW' } as const;
    const card = cardFor(file, { classes: ['a', 'b', 'c'], input });
    const image = noisy('an image', [16, 16, 3]);
    const baseline = tensor(
      image.shape,
      image.data.map((_, i) => [-1, 0.5, 2][i % 3]!),
    );
    const model = await open(card);
    const recipe = recipeOf(name);
    const [got] = await runExplained(await explainedModel(card, { ...recipe, baseline, class: 0 }), [image], 'NCHW');
    const view = { shape: [16, 16], data: new Float32Array(256) };
    const subject = { model, image, baseline, view, signal: new AbortController().signal };
    const { map } = await mapOf({ explainer: explainers.get(name)!, subject, options: recipe.options, class: 0 });
    expectClose(got!.map, map.data);
    await model.close();
  },
);

it('deeplift with a background is refused', async () => {
  const recipe = { ...recipeOf('deeplift', { background: 2 }), baseline: referenceBaseline(referenceModels['cnn']!) };
  await expect(explainedModel(referenceCard('cnn'), recipe)).rejects.toMatchObject({ code: 'USAGE' });
});

describe('a softmax or sigmoid at the end', () => {
  const entry = referenceModels.cnn!;
  const images = [referenceImage(entry, 0), referenceImage(entry, 1)];

  /** The reference network with other nodes behind its logits, as a file. */
  function withEnd(name: string, end: (b: GraphBuilder, logits: string) => string): ModelCard {
    const graph: Graph = readModelFile(referenceCard('cnn').file);
    const logits = graph.outputs[0]!;
    const b = new GraphBuilder({ opset: graph.opset, taken: graph.nodes.flatMap(n => n.outputs) });
    const last = end(b, logits.name);
    const file = join(folder, `${name}.onnx`);
    const constants = new Map([...graph.constants, ...b.constants]);
    const outputs = [{ ...logits, name: last }];
    writeFileSync(file, encodeModel({ ...graph, nodes: [...graph.nodes, ...b.nodes], constants, outputs }));
    return { ...referenceCard('cnn'), id: name, file, emits: 'probabilities' };
  }

  const cards: Readonly<Record<string, ModelCard>> = {
    softmax: withEnd('softmax', (b, x) => b.op('Softmax', [x], { axis: attr.int(1) })),
    'softmax, then a shape of its own': withEnd('shaped', (b, x) => {
      const p = b.op('Softmax', [x], { axis: attr.int(1) });
      return b.op('Reshape', [p, b.ints([-1, 2, 1, 1])]);
    }),
    'softmax that is explained itself': { ...withEnd('itself', (b, x) => b.op('Softmax', [x])), explainAt: 'output' },
    'a sigmoid for each finding': { ...withEnd('findings', (b, x) => b.op('Sigmoid', [x])), task: 'multi-label' },
    sigmoid: {
      ...withEnd('sigmoid', (b, x) => {
        const difference = b.op('MatMul', [x, b.constant(constant.float([2, 1], [-1, 1]))]);
        return b.op('Sigmoid', [difference]);
      }),
      task: 'sigmoid',
    },
  };

  it.each(Object.entries(cards))('%s: the scores are the file’s, the map is explain’s', async (_, card) => {
    const model = await open(card);
    try {
      const before = decodeModel(encodeModel(readModelFile(card.file)), { name: card.file }).outputs[0]!.name;
      for (const name of ['grad-cam', 'integrated-gradients']) {
        const recipe = recipeOf(name, { score: 'margin' });
        const baseline = referenceBaseline(entry);
        const made = await explainedModel(card, { ...recipe, baseline });
        expect(made.scores).toBe(before);
        const got = await runExplained(made, images, 'NCHW');
        const probabilities = (await model.scores(imageBatch(...images), { as: 'probability' })).data;
        for (const [i, image] of images.entries()) {
          const own = probabilities.subarray(2 * i, 2 * i + 2);
          expectClose(got[i]!.scores, card.task === 'sigmoid' ? own.subarray(1) : own);
          const view = { shape: [entry.side, entry.side], data: image.data };
          const subject = { model, image, baseline, view, signal: new AbortController().signal };
          const asked = { explainer: explainers.get(name)!, subject, options: recipe.options };
          const { map } = await mapOf({ ...asked, class: own.indexOf(Math.max(...own)) });
          expectClose(got[i]!.map, map.data);
        }
      }
    } finally {
      await model.close();
    }
  });
});
