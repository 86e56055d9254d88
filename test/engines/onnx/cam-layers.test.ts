import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FullClassifier } from '../../../src/core/contracts/index.ts';
import { isUndefined } from '../../../src/core/contracts/index.ts';
import { attr } from '../../../src/engines/onnx/graph/graph.ts';
import { gradCam } from '../../../src/methods/grad-cam.ts';
import { caseCard, usingCard } from './cases.ts';
import { cardFor, difference, golden, goldenFolder, graphOf, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const caseModel = async <T>(name: string, use: (model: FullClassifier) => Promise<T> | T) =>
  usingCard(await caseCard(name), use);

/** A network of golden/layers, of images of that size. */
function smallModel<T>(name: string, size: number, use: (model: FullClassifier) => Promise<T> | T): Promise<T> {
  const file = join(goldenFolder, 'layers', `${name}.onnx`);
  const input = { size: [size, size], channels: 1, layout: 'NCHW' } as const;
  return usingCard(cardFor(file, { classes: ['a', 'b'], input }), use);
}

const camOf = async (model: FullClassifier) => (await model.layers()).find(layer => layer.cam);

const one = (image: Float32Array) => ({ count: 1, write: (_: number, out: Float32Array) => out.set(image) });

describe('the default layer for class activation maps', () => {
  it.each<[string, string, readonly number[]]>([
    ['group-norm', 'Relu', [16, 16, 8]],
    ['two-branch', 'Relu', [8, 8, 16]],
    ['mask', 'Mul', [8, 8, 16]],
  ])('of %s is the one that most of the scores goes through', async (name, operator, shape) => {
    await caseModel(name, async model => {
      expect(await camOf(model)).toMatchObject({ operator, shape, rank: 1 });
    });
  });

  it('of a network whose strides differ along rows and columns is its last, of other proportions than the image', async () => {
    const graph = graphOf({
      input: [null, 1, 32, 48],
      build(b, x) {
        let y = x;
        for (const [i, from] of [1, 6, 6].entries()) {
          y = b.op('Conv', [y, b.constant(weights(`strided ${i}`, [6, from, 3, 3]))], {
            pads: attr.ints([1, 1, 1, 1]),
            strides: attr.ints([i === 0 ? 1 : 2, 1]),
          });
          y = b.op('Relu', [y]);
        }
        const flat = b.op('Flatten', [b.op('GlobalAveragePool', [y])]);
        return [b.op('MatMul', [flat, b.constant(weights('strided out', [6, 2]))]), [null, 2]];
      },
    });
    const input = { size: [32, 48], channels: 1, layout: 'NCHW' } as const;
    await usingCard(cardFor(folder.write('strided.onnx', graph), { classes: ['a', 'b'], input }), async model => {
      expect(await camOf(model)).toMatchObject({ operator: 'Relu', shape: [8, 48, 6], rank: 1 });
    });
  });

  it('is told with what else there was', async () => {
    await caseModel('two-branch', model => {
      expect(model.runtime).toMatchObject({
        camLayer: '/a/f/f.3/Relu_output_0',
        otherCamLayers: ['/b/b.1/Relu_output_0'],
      });
    });
    await caseModel('mask', model => {
      expect(model.runtime.otherCamLayers).toEqual(['/Sigmoid_output_0']);
    });
  });

  it.each([
    ['halves', /no layer's cells follow the pixels of the whole image/],
    ['conv3d', /no layer's cells follow the pixels of the whole image/],
  ])('of %s is none, with the reason', async (name, reason) => {
    await caseModel(name, async model => {
      expect(await camOf(model)).toBeUndefined();
      expect(model.runtime.noCamLayer).toMatch(reason);
      const [height, width] = model.input.spatial as [number, number];
      const shape = [height, width, model.input.channels];
      const image = { shape, data: new Float32Array(height * width * model.input.channels).fill(0.4) };
      const context = { model, image, target: { class: 0 }, options: { score: 'margin' } };
      const map = await gradCam.explain(context as unknown as Parameters<typeof gradCam.explain>[0]);
      expect(isUndefined(map) && map.undefined).toMatch(reason);
    });
  });

  it.each<[string, number, string, readonly number[]]>([
    ['vit', 32, 'LayerNormalization', [4, 4, 24]],
    ['vit-registers', 32, 'Slice', [4, 4, 12]],
    ['pvt', 128, 'LayerNormalization', [4, 4, 16]],
    ['twins', 128, 'LayerNormalization', [4, 4, 16]],
    ['hiera', 64, 'Add', [4, 4, 32]],
    ['efficientformer', 224, 'LayerNormalization', [7, 7, 16]],
    ['gem', 32, 'Relu', [16, 16, 6]],
    ['bilinear', 32, 'Relu', [16, 16, 6]],
    ['log-sum-exp', 32, 'Mul', [16, 16, 2]],
    ['top-k', 32, 'Conv', [16, 16, 2]],
    ['attention-pool', 32, 'Mul', [8, 8, 6]],
  ])('of %s is found', async (name, size, operator, shape) => {
    await smallModel(name, size, async model => {
      expect(await camOf(model)).toMatchObject({ operator, shape, spatial: true });
    });
  });
});

describe('a layer', () => {
  it('keeps its order of axes through reshapes, as in group normalisation', async () => {
    const x = golden('cases/group-norm/x.npy').data;
    await caseModel('group-norm', async model => {
      const found = await model.activations(one(x), ['/g/Mul_output_0', '/c/Conv_output_0']);
      for (const { activations, spatial } of found) {
        expect(spatial).toBe(true);
        expect(activations.shape).toEqual([1, 16, 16, 8]);
      }
    });
  });

  it('that tiles of all images are folded into is refused', async () => {
    await caseModel('tiles-in-batch', async model => {
      await expect(model.activations(one(new Float32Array(32 * 32)), ['/t/t.3/Relu_output_0'])).rejects.toMatchObject({
        code: 'LAYER',
        message: expect.stringMatching(/its first axis does not count images/),
      });
    });
  });

  it('that the card names, without pixels, leaves scores and gradients as they are', async () => {
    const card = await caseCard('halves', { camLayer: '/t/f/f.3/Relu_output_0' });
    await usingCard(card, async model => {
      const { runtime } = model;
      expect(runtime.camLayer).toBeUndefined();
      expect(runtime.noCamLayer).toMatch(/has no pixels: none of its axes are the image’s rows and columns/);
      const [layer] = await model.activations(one(new Float32Array(32 * 32)), ['/t/f/f.3/Relu_output_0']);
      expect(layer).toMatchObject({ spatial: false, notSpatial: 'none of its axes are the image’s rows and columns' });
    });
  });

  it('of tokens gives the grid without the class token, as pytorch-grad-cam does', async () => {
    const image = golden('layers/vit.image.npy');
    const want = golden('layers/vit.grad-cam.npy');
    await smallModel('vit', 32, async model => {
      const { activations: a, gradients: g } = await model.layer(
        one(image.data),
        { class: 1, score: 'logit' },
        undefined,
      );
      expect(a.shape).toEqual([1, 4, 4, 24]);
      const weights = Array.from({ length: 24 }, (_, k) => {
        let sum = 0;
        for (let p = 0; p < 16; p++) sum += g.data[p * 24 + k]!;
        return sum / 16;
      });
      const map = Float32Array.from({ length: 16 }, (_, p) =>
        weights.reduce((s, w, k) => s + w * a.data[p * 24 + k]!, 0),
      );
      expect(difference(map, want.data)).toBeLessThan(1e-4);
    });
  });

  it('of tokens can be run on from, the class token staying the image’s', async () => {
    const image = golden('layers/vit.image.npy');
    const data = image.data;
    await smallModel('vit', 32, async model => {
      const [layer] = await model.activations(one(data), [undefined]);
      const batch = one(layer!.activations.data);
      const shaped = { shape: [32, 32, 1], data };
      const got = await model.continueFrom(undefined, batch, { as: 'logit', image: shaped });
      const scores = await model.scores(one(data), { as: 'logit' });
      expect(difference(got.data, scores.data)).toBeLessThan(1e-5);
    });
  });
});
