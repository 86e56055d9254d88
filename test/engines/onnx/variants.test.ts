import { afterAll, describe, expect, it } from 'vitest';
import type { Batch, FullClassifier, ModelCard, ModelVariant } from '../../../src/core/contracts/index.ts';
import { inHalf } from '../../../src/core/image/halves.ts';
import { constant, type Graph } from '../../../src/engines/onnx/graph/graph.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { stepsOf } from '../../../src/engines/onnx/variants/sites.ts';
import { textureImages } from '../../../src/engines/shared/probe-images.ts';
import { referenceCard, referenceModels } from '../../golden/explainers/index.ts';
import { cardFor, difference, smallNet, temporary } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const quick = { device: 'cpu', workers: 1, threads: 1, microBatch: 4 };

async function using<T>(
  card: ModelCard,
  variant: ModelVariant,
  use: (model: FullClassifier) => Promise<T>,
): Promise<T> {
  const model = await onnxEngine.open(card, { ...quick, variant });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

function batchOf(images: readonly Float32Array[]): Batch {
  return { count: images.length, write: (i, out) => out.set(images[i]!) };
}

const logits = async (card: ModelCard, variant: ModelVariant): Promise<Float32Array> =>
  using(card, variant, async model => (await model.scores(batchOf(textureImages(card, 8)), { as: 'logit' })).data);

const deviation = (values: ArrayLike<number>): number => {
  const list = Array.from(values);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  return Math.sqrt(list.reduce((a, b) => a + (b - mean) ** 2, 0) / list.length);
};

describe.each(Object.keys(referenceModels))('variants of %s', name => {
  const card = referenceCard(name);
  const original = { kind: 'original' } as const;

  it('randomised to depth 0 is the original, bit for bit', async () => {
    const got = await logits(card, { kind: 'randomised', depth: 0, seed: 1 });
    expect(got).toEqual(await logits(card, original));
  });

  it('randomised to depth 1 has other scores, is alive, and each layer has the spread that it had', async () => {
    const images = batchOf(textureImages(card, 32));
    const seen = async (model: FullClassifier) => {
      const layers = (await model.layers()).map(layer => layer.name);
      const values = await model.activations(images, layers);
      const scores = (await model.scores(images, { as: 'logit' })).data;
      return { layers, spreads: values.map(v => deviation(v.activations.data)), scores, cam: model.runtime.camLayer };
    };
    const before = await using(card, original, seen);
    const after = await using(card, { kind: 'randomised', depth: 1, seed: 1 }, seen);
    expect(after.layers).toEqual(before.layers);
    expect(after.cam).toBe(before.cam);
    const ratios = after.layers.map((layer, i) => [layer, after.spreads[i]! / before.spreads[i]!] as const);
    expect(ratios.filter(([, ratio]) => !(ratio > 0.2 && ratio < 5))).toEqual([]);
    const classes = card.classes.length;
    const first = (scores: Float32Array) => scores.filter((_, i) => i % classes === 0);
    expect(deviation(first(after.scores))).toBeGreaterThan(0.01 * deviation(after.scores));
    expect(difference(after.scores, before.scores)).toBeGreaterThan(0.1);
  });

  it('is the same for a seed, another for another, and starts at the scores', async () => {
    const half = { kind: 'randomised', depth: 0.5, seed: 1 } as const;
    const scores = await logits(card, half);
    expect(await logits(card, half)).toEqual(scores);
    expect(difference(await logits(card, { ...half, seed: 2 }), scores)).toBeGreaterThan(1e-3);
    // What lies before the redrawn half is as it was.
    const images = batchOf(textureImages(card, 2));
    const early = async (model: FullClassifier) => {
      const layer = (await model.layers())[0]!.name;
      return (await model.activations(images, [layer]))[0]!.activations.data;
    };
    expect(difference(await using(card, half, early), await using(card, original, early))).toBeLessThan(1e-6);
  });

  it.each(['split-convolutions', 'split-relu', 'unfolded-scale'] as const)(
    'rewritten by %s it is the same function',
    async rewrite => {
      const want = await logits(card, original);
      expect(difference(await logits(card, { kind: 'rewritten', rewrite }), want)).toBeLessThan(1e-5);
      const slope = (model: FullClassifier) =>
        model.layer(batchOf(textureImages(card, 2)), { class: 0, score: 'logit' }, undefined);
      if (name === 'vit') return;
      const [a, b] = [await using(card, original, slope), await using(card, { kind: 'rewritten', rewrite }, slope)];
      expect(b.layer).toBe(a.layer);
      expect(difference(b.activations.data, a.activations.data)).toBeLessThan(1e-4);
      expect(difference(b.gradients.data, a.gradients.data)).toBeLessThan(1e-3);
    },
  );
});

describe.each(Object.keys(referenceModels))('%s', name => {
  const card = referenceCard(name);
  const images = textureImages(card, 3);
  const scoresOf = (variant: ModelVariant, on: readonly Float32Array[]) =>
    using(card, variant, async model => (await model.scores(batchOf(on), { as: 'logit' })).data);

  it.each([0.5, -2])('shifted by %f it is the same function of greater images', async by => {
    const want = await scoresOf({ kind: 'original' }, images);
    const moved = images.map(image => image.map(v => v + by));
    expect(difference(await scoresOf({ kind: 'shifted', by }, moved), want)).toBeLessThan(1e-5);
    // The edge, where a network is padded, takes part; and the shift is no idle number.
    expect(difference(await scoresOf({ kind: 'original' }, moved), want)).toBeGreaterThan(1e-3);
    const gradients = (variant: ModelVariant, on: readonly Float32Array[]) =>
      using(card, variant, async model => {
        const found: number[] = [];
        await model.gradients(batchOf(on), { class: 0, score: 'logit' }, (_, g) => found.push(...g));
        return Float32Array.from(found);
      });
    const slopes = await gradients({ kind: 'original' }, images.slice(0, 1));
    const there = await gradients({ kind: 'shifted', by }, moved.slice(0, 1));
    expect(difference(there, slopes)).toBeLessThan(1e-3);
  });

  it.each(['left', 'bottom'] as const)('blinded to the %s half it sees the other half only', async half => {
    const [h, w] = card.input.size as [number, number];
    const unseen = (k: number) => inHalf(half, k, [h, w]);
    const variant = { kind: 'blinded', half } as const;
    const zeroed = images.map(image => image.map((v, k) => (unseen(k) ? 0 : v)));
    const other = images.map(image => image.map((v, k) => (unseen(k) ? 7 - v : v)));
    const want = await scoresOf({ kind: 'original' }, zeroed);
    expect(difference(await scoresOf(variant, images), want)).toBeLessThan(1e-6);
    expect(difference(await scoresOf(variant, other), want)).toBeLessThan(1e-6);
    await using(card, variant, async model => {
      await model.gradients(batchOf(images.slice(0, 1)), { class: 0, score: 'logit' }, (_, g) => {
        const [blind, seen] = [g.filter((_, k) => unseen(k)), g.filter((_, k) => !unseen(k))];
        expect(blind.every(v => v === 0)).toBe(true);
        expect(seen.some(v => v !== 0)).toBe(true);
      });
    });
  });
});

describe('a shifted variant', () => {
  it('is refused where the first operator has no parameters', async () => {
    const graph = smallNet({});
    const first = graph.nodes[0]!;
    const square = {
      ...graph,
      nodes: [
        { op: 'Mul', domain: '', name: 'square', inputs: ['image', 'image'], outputs: ['squared'], attrs: {} },
        ...graph.nodes.map(n => (n === first ? { ...n, inputs: ['squared', ...n.inputs.slice(1)] } : n)),
      ],
    };
    const card = cardFor(folder.write('square.onnx', square), { classes: ['a', 'b', 'c'] });
    await expect(onnxEngine.open(card, { ...quick, variant: { kind: 'shifted', by: 1 } })).rejects.toMatchObject({
      code: 'MODEL',
      message: expect.stringContaining("enters Mul 'square'"),
    });
  });
});

describe('what is redrawn', () => {
  const load = (name: string) => {
    const { file, side, classes } = referenceModels[name]!;
    const path = referenceCard(name).file;
    return loadModel(undefined, { file: path, size: [side, side], channels: 1, layout: 'NCHW', classes }).then(m => ({
      m,
      file,
    }));
  };

  it.each(Object.keys(referenceModels))('%s: every float constant with more than two values', async name => {
    const { m } = await load(name);
    const drawn = new Set(
      stepsOf(m).flatMap(step =>
        [...step.sites.flatMap(site => [site.weight, ...(site.bias ? [site.bias] : [])]), ...step.others].map(
          ({ node, index }) => node.inputs[index]!,
        ),
      ),
    );
    const left = [...m.graph.constants].filter(([key, c]) => {
      return c.data instanceof Float32Array && new Set(c.data).size > 2 && !drawn.has(key);
    });
    // A batch normalisation keeps its statistics.
    const statistics = m.graph.nodes.filter(n => n.op === 'BatchNormalization').flatMap(n => n.inputs.slice(3));
    expect(left.map(([key]) => key).filter(key => !statistics.includes(key))).toEqual([]);
  });
});

describe('weights of another file', () => {
  const classes = ['a', 'b', 'c'];
  const card = cardFor(folder.write('first.onnx', smallNet({})), { classes });

  function renamed(graph: Graph): Graph {
    const to = (name: string) => (name === '' || name === 'image' ? name : `other/${name}`);
    return {
      ...graph,
      nodes: graph.nodes.map(n => ({ ...n, name: to(n.name), inputs: n.inputs.map(to), outputs: n.outputs.map(to) })),
      constants: new Map(
        [...graph.constants].map(([name, c]) => {
          if (!(c.data instanceof Float32Array)) return [to(name), c] as const;
          return [
            to(name),
            constant.float(
              c.dims,
              c.data.map((v, i) => v * 0.7 + Math.sin(i) * 0.1),
            ),
          ] as const;
        }),
      ),
      outputs: graph.outputs.map(o => ({ ...o, name: to(o.name) })),
    };
  }

  it('are used under the names of the original', async () => {
    const file = folder.write('retrained.onnx', renamed(smallNet({})));
    const cam = await using(card, { kind: 'original' }, async model => model.runtime.camLayer);
    const got = await using(card, { kind: 'file', file }, async model => {
      expect(model.runtime.camLayer).toBe(cam);
      return (await model.scores(batchOf(textureImages(card, 4)), { as: 'logit' })).data;
    });
    const want = (await logits({ ...card, file }, { kind: 'original' })).slice(0, got.length);
    expect(difference(got, want)).toBeLessThan(1e-6);
    expect(difference(got, (await logits(card, { kind: 'original' })).slice(0, got.length))).toBeGreaterThan(0.01);
  });

  it('must be of the same architecture', async () => {
    const file = folder.write('colour.onnx', smallNet({ tail: 'Tanh' }));
    await expect(onnxEngine.open(card, { ...quick, variant: { kind: 'file', file } })).rejects.toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(/not the same architecture.*operators/),
    });
    const graph = smallNet({});
    const first = graph.nodes[0]!;
    const wider = {
      ...graph,
      nodes: graph.nodes.map(n =>
        n === first ? { ...n, attrs: { ...n.attrs, group: { type: 'int' as const, value: 1 } } } : n,
      ),
    };
    const other = folder.write('settings.onnx', wider);
    await expect(onnxEngine.open(card, { ...quick, variant: { kind: 'file', file: other } })).rejects.toThrow(
      /settings/,
    );
  });

  it('of a depth that is no share is refused', async () => {
    const variant = { kind: 'randomised', depth: 1.5, seed: 0 } as const;
    await expect(onnxEngine.open(card, { ...quick, variant })).rejects.toMatchObject({ code: 'USAGE' });
  });
});
