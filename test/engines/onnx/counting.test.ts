import { afterAll, describe, expect, it } from 'vitest';
import { attr, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { usingCard } from './cases.ts';
import { cardFor, difference, graphOf, images, runRaw, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const x = images('counted', [3, 8, 8, 1]);
const rows = [0, 1, 2].map(i => x.data.slice(i * 64, (i + 1) * 64));
const batch = { count: 3, write: (i: number, out: Float32Array) => out.set(rows[i]!) };

describe('the mean of the pixels above a threshold, whose number differs from image to image', () => {
  const mean = (b: GraphBuilder, image: string): [string, (number | null)[]] => {
    const places = b.op('NonZero', [b.op('Greater', [image, b.scalar(0.1)])]);
    const above = b.op('GatherND', [image, b.op('Transpose', [places], { perm: attr.ints([1, 0]) })]);
    const row = b.op('Reshape', [b.op('ReduceMean', [above], { keepdims: attr.int(0) }), b.ints([1, 1])]);
    return [b.op('MatMul', [row, b.constant(weights('w', [1, 2]))]), [1, 2]];
  };

  it('has the gradient of each image', async () => {
    const card = cardFor(folder.write('counts.onnx', graphOf({ input: [1, 1, 8, 8], build: mean })), {
      classes: ['a', 'b'],
    });
    const counts = rows.map(row => row.filter(v => v > 0.1).length);
    expect(new Set(counts).size).toBeGreaterThan(1);
    const w = Number(weights('w', [1, 2]).data[1]);
    await usingCard(card, model =>
      model.gradients(batch, { class: 1, score: 'logit' }, (i, gradient) => {
        expect(
          difference(
            gradient,
            rows[i]!.map(v => (v > 0.1 ? w / counts[i]! : 0)),
          ),
        ).toBeLessThan(1e-5);
      }),
    );
  });
});

describe('an optional value that is given', () => {
  it('is the tensor itself', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, image) {
        const got = b.op('OptionalGetElement', [b.op('Optional', [b.op('Tanh', [image])])]);
        const same = b.op('OptionalGetElement', [got]);
        return [b.op('MatMul', [b.op('Flatten', [same]), b.constant(weights('z', [64, 2]))]), [null, 2]];
      },
    });
    const w = weights('z', [64, 2]).data;
    const card = cardFor(folder.write('optional.onnx', { ...graph, opset: 18 }), { classes: ['a', 'b'] });
    await usingCard(card, async model => {
      const want = await runRaw({ ...graph, opset: 18 }, { shape: [3, 1, 8, 8], data: x.data });
      expect(difference((await model.scores(batch, { as: 'logit' })).data, want)).toBeLessThan(1e-6);
      await model.gradients(batch, { class: 1, score: 'logit' }, (i, gradient) => {
        const slope = rows[i]!.map((v, k) => (1 - Math.tanh(v) ** 2) * Number(w[2 * k + 1]));
        expect(difference(gradient, slope)).toBeLessThan(1e-5);
      });
    });
  });
});
