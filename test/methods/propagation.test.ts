import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { linearModel, smoothModel } from '../../src/conformance/models.ts';
import { explainSubject, type Subject, subjectFor } from '../../src/conformance/subject.ts';
import { imageBatch } from '../../src/core/batch.ts';
import type { BackwardRules, FullClassifier, ModelVariant } from '../../src/core/contracts/index.ts';
import { channelSum } from '../../src/core/image/channels.ts';
import { filled, type Tensor, tensor } from '../../src/core/tensor.ts';
import { attr, type GraphBuilder } from '../../src/engines/onnx/graph/graph.ts';
import { onnxEngine } from '../../src/engines/onnx/index.ts';
import { deconvnet } from '../../src/methods/deconvnet.ts';
import { deeplift } from '../../src/methods/deeplift.ts';
import { gradCam } from '../../src/methods/grad-cam.ts';
import { guidedBackprop } from '../../src/methods/guided-backprop.ts';
import { guidedGradCam } from '../../src/methods/guided-grad-cam.ts';
import { lrp } from '../../src/methods/lrp.ts';
import { cardFor, graphOf, temporary, weights } from '../engines/onnx/fixtures.ts';
import { referenceBaseline, referenceCard, referenceImage, referenceModels } from '../golden/explainers/index.ts';
import { mapOf, reasonOf, relativeL2, sum } from './helpers.ts';

const SETTINGS = { device: 'cpu', workers: 1, threads: 1, microBatch: 1 } as const;
const { signal } = new AbortController();

const subjectOf = (model: FullClassifier, image: Tensor, baseline: Tensor): Subject => ({
  ...{ model, image, baseline, signal },
  view: { shape: image.shape.slice(0, -1), data: channelSum(image).data },
});

async function gradientOf({ model, image }: Subject, score: 'logit' | 'margin'): Promise<Float32Array> {
  let found = new Float32Array();
  await model.gradients(imageBatch(image), { class: 0, score }, (_, g) => {
    found = g.slice();
  });
  return found;
}

describe('a linear model', () => {
  const subject = subjectFor(linearModel({ height: 5, width: 4, channels: 3, seed: 2 }), 2);
  const options = { score: 'logit' };

  it('DeepLIFT is the weights times the difference from the baseline', async () => {
    const w = await gradientOf(subject, 'logit');
    const { image, baseline } = subject;
    const want = channelSum({ shape: image.shape, data: w.map((v, k) => v * (image.data[k]! - baseline.data[k]!)) });
    const { map, diagnostics } = await mapOf({ explainer: deeplift, subject, options });
    expect(relativeL2(map.data, want.data)).toBeLessThan(1e-6);
    expect(diagnostics!['completenessGapAbsolute']).toBeLessThan(1e-5);
  });

  it('LRP is the weights times the image; guided backpropagation and deconvnet are the weights', async () => {
    const w = await gradientOf(subject, 'logit');
    const { shape } = subject.image;
    const timesImage = channelSum({ shape, data: w.map((v, k) => v * subject.image.data[k]!) });
    const { map, diagnostics } = await mapOf({ explainer: lrp, subject, options });
    expect(relativeL2(map.data, timesImage.data)).toBeLessThan(1e-6);
    expect(diagnostics!['conservation']).toBeCloseTo(1, 5);
    for (const explainer of [guidedBackprop, deconvnet]) {
      const { map: own } = await mapOf({ explainer, subject, options });
      expect(relativeL2(own.data, channelSum({ shape, data: w }).data)).toBeLessThan(1e-6);
    }
  });
});

describe('explainers by backward rules', () => {
  const takesRules = [...builtinRegistry().explainers.values()].filter(explainer =>
    explainer.requiresOf(explainer.options.parse({})).includes('backward-rules'),
  );

  it.each(takesRules.map(explainer => [explainer.name, explainer] as const))(
    '%s declares the rules that it takes first',
    async (_, explainer) => {
      const subject = subjectFor(smoothModel({ height: 12, width: 12 }), 2);
      const seen: (BackwardRules | undefined)[] = [];
      const watched = (inner: FullClassifier): FullClassifier => ({
        ...inner,
        metered: meter => watched(inner.metered(meter) as FullClassifier),
        gradients: (batch, target, consume, options) => {
          seen.push(options?.rules);
          return inner.gradients(batch, target, consume, options);
        },
      });
      await explainSubject({ explainer, subject: { ...subject, model: watched(subject.model) } });
      const declared = explainer.rulesOf(explainer.options.parse({}));
      expect(declared).toBeDefined();
      expect(seen.find(rules => rules !== undefined)).toEqual(declared);
    },
  );

  it('are known by their requirements: no other declares rules', () => {
    const declaring = [...builtinRegistry().explainers.values()].filter(
      explainer => explainer.rulesOf(explainer.options.parse({})) !== undefined,
    );
    expect(declaring.map(e => e.name)).toEqual(takesRules.map(e => e.name));
    expect(takesRules.length).toBeGreaterThan(3);
  });
});

describe('DeepLIFT', () => {
  const subject = subjectFor(smoothModel({ height: 6, width: 5, channels: 2, seed: 4 }), 4);

  it.each(['logit', 'margin', 'probability'] as const)('sums to the difference of the %s', async score => {
    const { map, diagnostics } = await mapOf({ explainer: deeplift, subject, options: { score }, class: 2 });
    const scores = await subject.model.scores(imageBatch(subject.image, subject.baseline), { as: score });
    expect(sum(map.data)).toBeCloseTo(scores.data[2]! - scores.data[5]!, 5);
    expect(diagnostics!['completenessGapAbsolute']).toBeLessThan(1e-5);
  });

  it('with a background is the mean over its images, and undefined without one', async () => {
    const others = [1, 2, 3].map(i => subjectFor(subject.model, i).image);
    const { map } = await mapOf({ explainer: deeplift, subject, options: { background: 3 }, trainingImages: others });
    const each: Tensor[] = [];
    for (const baseline of others)
      each.push((await mapOf({ explainer: deeplift, subject: { ...subject, baseline } })).map);
    const mean = map.data.map((_, p) => each.reduce((total, { data }) => total + data[p]! / 3, 0));
    expect(relativeL2(map.data, mean)).toBeLessThan(1e-5);
    const none = { explainer: deeplift, subject, options: { background: 3 }, trainingImages: [] };
    expect(await reasonOf(none)).toMatch(/no training images/);
  });
});

it('guided Grad-CAM is guided backpropagation times Grad-CAM', async () => {
  const subject = subjectFor(smoothModel({ height: 8, width: 7, channels: 3, seed: 1 }), 1);
  const { map, notes } = await mapOf({ explainer: guidedGradCam, subject });
  const { map: cam } = await mapOf({ explainer: gradCam, subject });
  const { map: guided } = await mapOf({ explainer: guidedBackprop, subject });
  expect(
    relativeL2(
      map.data,
      guided.data.map((v, i) => v * cam.data[i]!),
    ),
  ).toBeLessThan(1e-6);
  expect(notes!['layer']).toBe('features');
});

describe('DeepLIFT of a network with many gates', () => {
  const folder = temporary();
  let model: FullClassifier;
  beforeAll(async () => {
    const graph = graphOf({ input: [null, 1, 8, 8], build: (b, x) => [gated(b, x), [null, 3]] });
    model = await onnxEngine.open(cardFor(folder.write('gated.onnx', graph), { classes: ['a', 'b', 'c'] }), SETTINGS);
  });
  afterAll(async () => {
    await model?.close();
    folder.remove();
  });

  it.each([1, 300])('sums to the difference from a baseline %i times as large', async times => {
    const { image } = subjectFor(model, 1);
    const baseline = tensor(
      image.shape,
      subjectFor(model, 2).image.data.map(v => times * v),
    );
    const subject = subjectOf(model, image, baseline);
    const { diagnostics, notes } = await mapOf({ explainer: deeplift, subject, options: { score: 'logit' } });
    expect(diagnostics!['completenessGap'] ?? diagnostics!['completenessGapAbsolute']).toBeLessThan(1e-4);
    if (times === 1) expect(notes?.['products']).toBeUndefined();
    else expect(notes?.['products']).toMatch(/float32 would lose the sum/);
  });
});

/** Blocks x + W(x · σ(V mean x)), as squeeze and excitation has them. */
function gated(b: GraphBuilder, x: string): string {
  const c = 12;
  const layer = (name: string, of: string, size = 1) =>
    b.op('Conv', [of, b.constant(weights(name, [c, size === 1 ? c : 1, size, size], size === 1 ? 0.7 : 1))]);
  let at = layer('stem', x, 3);
  for (let i = 0; i < 30; i++) {
    const gate = b.op('Sigmoid', [layer(`squeeze ${i}`, b.op('GlobalAveragePool', [at]))]);
    at = b.op('Add', [at, layer(`expand ${i}`, b.op('Mul', [at, gate]))]);
  }
  return b.op('MatMul', [
    b.op('Flatten', [b.op('GlobalAveragePool', [at])]),
    b.constant(weights('head', [c, 3], 1e-3)),
  ]);
}

describe('a ReLU network without biases', () => {
  const folder = temporary();
  let subject: Subject;
  beforeAll(async () => {
    const graph = graphOf({ input: [null, 1, 12, 12], build: (b, x) => [unbiased(b, x), [null, 3]] });
    const input = { size: [12, 12], channels: 1, layout: 'NCHW' } as const;
    const card = cardFor(folder.write('unbiased.onnx', graph), { classes: ['a', 'b', 'c'], input });
    const model = await onnxEngine.open(card, SETTINGS);
    subject = subjectOf(model, subjectFor(model, 3).image, filled([12, 12, 1], 0));
  });
  afterAll(async () => {
    await subject?.model.close();
    folder.remove();
  });

  it('LRP for ε → 0, the image times its gradient, and DeepLIFT from zero are one map', async () => {
    const options = { score: 'logit' };
    const g = await gradientOf(subject, 'logit');
    const want = g.map((v, k) => v * subject.image.data[k]!);
    const epsilon = { ...options, composite: 'epsilon', epsilon: 1e-9 };
    const [byLrp, byDeeplift] = [
      await mapOf({ explainer: lrp, subject, options: epsilon }),
      await mapOf({ explainer: deeplift, subject, options }),
    ];
    expect(relativeL2(byLrp.map.data, want)).toBeLessThan(1e-3);
    expect(relativeL2(byDeeplift.map.data, want)).toBeLessThan(1e-4);
  });

  // α = 2, β = 1 keeps the score only where every neuron has inputs of both signs.
  it.each(['epsilon-plus-flat', 'epsilon-plus', 'epsilon'])(
    'LRP keeps the score in every layer, %s',
    async composite => {
      const { diagnostics } = await mapOf({ explainer: lrp, subject, options: { composite, score: 'logit' } });
      for (const name of ['conservation', 'conservationLowest', 'conservationHighest']) {
        expect(diagnostics![name], name).toBeCloseTo(1, 3);
      }
    },
  );

  it('LRP finds its box in the card’s window, or says that it is not known', async () => {
    const options = { composite: 'epsilon-gamma-box' };
    expect(await reasonOf({ explainer: lrp, subject, options })).toMatch(/give low and high/);
    const { view, image } = subjectFor(subject.model, 3);
    const known = { ...subject, view, image, windowRange: [1] };
    const [found, given] = [
      await mapOf({ explainer: lrp, subject: known, options }),
      await mapOf({ explainer: lrp, subject: known, options: { ...options, low: -0.5, high: 0.5 } }),
    ];
    expect(relativeL2(found.map.data, given.map.data)).toBeLessThan(1e-6);
  });
});

describe('a transformer without biases whose relevance all goes to the values', () => {
  it('LRP keeps the score in every layer, for each image of a batch', async () => {
    const folder = temporary();
    const graph = graphOf({ input: [null, 1, 12, 12], build: (b, x) => [transformer(b, x), [null, 3]] });
    const input = { size: [12, 12], channels: 1, layout: 'NCHW' } as const;
    const card = cardFor(folder.write('transformer.onnx', graph), { classes: ['a', 'b', 'c'], input });
    const model = await onnxEngine.open(card, { ...SETTINGS, microBatch: 2 });
    const images = imageBatch(subjectFor(model, 1).image, subjectFor(model, 2).image);
    const rules = { name: 'lrp', options: { composite: 'epsilon', epsilon: 1e-9, attention: 'values' } };
    let seen = 0;
    const check = (_: number, values: Float32Array, score: number, sums?: Readonly<Record<string, number>>) => {
      seen += 1;
      expect(sum(values) / score).toBeCloseTo(1, 3);
      for (const [layer, total] of Object.entries(sums!)) expect(total / score, layer).toBeCloseTo(1, 3);
    };
    await model.gradients(images, { class: 0, score: 'logit' }, check, { rules });
    expect(seen).toBe(2);
    await model.close();
    folder.remove();
  });
});

/** Tokens of 4 × 4 pixels, tokens first in memory; a block with one head, and a mean over tokens. */
function transformer(b: GraphBuilder, x: string): string {
  const size = 8;
  const dense = (name: string, of: string, from = size, to = size) =>
    b.op('MatMul', [of, b.constant(weights(name, [from, to]))]);
  const patches = b.op('Conv', [x, b.constant(weights('patch', [size, 1, 4, 4]))], { strides: attr.ints([4, 4]) });
  const flat = b.op('Reshape', [patches, b.ints([0, size, -1])]);
  const tokens = b.op('Transpose', [flat], { perm: attr.ints([2, 0, 1]) });
  const gamma = b.constant(weights('gamma', [size]));
  const normal = (of: string) => b.op('LayerNormalization', [of, gamma], { axis: attr.int(-1) });
  const batched = (of: string) => b.op('Transpose', [of], { perm: attr.ints([1, 0, 2]) });
  const [q, k, v] = ['q', 'k', 'v'].map(name => batched(dense(name, normal(tokens)))) as [string, string, string];
  const products = b.op('MatMul', [q, b.op('Transpose', [k], { perm: attr.ints([0, 2, 1]) })]);
  const mixed = b.op('MatMul', [b.op('Softmax', [products], { axis: attr.int(-1) }), v]);
  const attended = b.op('Add', [tokens, dense('out', b.op('Transpose', [mixed], { perm: attr.ints([1, 0, 2]) }))]);
  const wide = b.op('Relu', [dense('wide', normal(attended), size, 2 * size)]);
  const last = batched(b.op('Add', [attended, dense('narrow', wide, 2 * size)]));
  return dense('head', b.op('ReduceMean', [last], { axes: attr.ints([1]), keepdims: attr.int(0) }), size, 3);
}

function unbiased(b: GraphBuilder, x: string): string {
  const pads = { pads: attr.ints([1, 1, 1, 1]) };
  const first = b.op('Relu', [b.op('Conv', [x, b.constant(weights('first', [6, 1, 3, 3]))], pads)]);
  const pooled = b.op('MaxPool', [first], { kernel_shape: attr.ints([3, 3]), strides: attr.ints([2, 2]) });
  const second = b.op('Relu', [b.op('Conv', [pooled, b.constant(weights('second', [8, 6, 3, 3]))], pads)]);
  const skipped = b.op('Add', [second, b.op('Conv', [pooled, b.constant(weights('skip', [8, 6, 1, 1]))])]);
  const flat = b.op('Flatten', [b.op('GlobalAveragePool', [b.op('Relu', [skipped])])]);
  return b.op('MatMul', [flat, b.constant(weights('head', [8, 3], 2))]);
}

describe('the same function as another graph', () => {
  const rewrites = ['split-convolutions', 'split-relu', 'unfolded-scale'] as const;
  const entry = referenceModels['densenet']!;
  const explained = async (explainer: typeof deeplift, variant: ModelVariant) => {
    const model = await onnxEngine.open(referenceCard('densenet'), { ...SETTINGS, variant });
    try {
      const subject = subjectOf(model, referenceImage(entry, 0), referenceBaseline(entry));
      return (await mapOf({ explainer, subject, options: { score: 'margin' } })).map.data;
    } finally {
      await model.close();
    }
  };

  it.each(rewrites)('has the same DeepLIFT map, %s', async rewrite => {
    const original = await explained(deeplift, { kind: 'original' });
    expect(relativeL2(await explained(deeplift, { kind: 'rewritten', rewrite }), original)).toBeLessThan(1e-4);
  });

  it('has another LRP map, whose rules are those of the layers', async () => {
    const original = await explained(lrp, { kind: 'original' });
    const other = await explained(lrp, { kind: 'rewritten', rewrite: 'split-convolutions' });
    expect(relativeL2(other, original)).toBeGreaterThan(0.1);
  });
});
