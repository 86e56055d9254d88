import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { attr, type Constant, DType, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { sessionOptions } from '../../../src/engines/onnx/session/session-options.ts';
import { usingCard } from './cases.ts';
import { cardFor, difference, graphOf, images, runRaw, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const x = images('quantised', [3, 8, 8, 1]);
const batch = { count: 3, write: (i: number, out: Float32Array) => out.set(x.data.subarray(i * 64, (i + 1) * 64)) };
const zero = (dtype: number, data: Constant['data']): Constant => ({ dtype, dims: [], data });

function head(b: GraphBuilder, pixels: string): [string, (number | null)[]] {
  return [b.op('MatMul', [b.op('Flatten', [pixels]), b.constant(weights('w', [64, 2]))]), [null, 2]];
}

function stairs(b: GraphBuilder, image: string, point: Constant, domain: string): string {
  const parameters = [b.scalar(2 ** -12), b.constant(point)];
  const q = b.op('QuantizeLinear', [image, ...parameters], {}, domain);
  return b.op('DequantizeLinear', [q, ...parameters], {}, domain);
}

describe('activations of 16-bit integers', () => {
  it.each([
    ['uint16', 21, zero(DType.uint16, Uint16Array.of(20000)), ''],
    ['int16', 21, zero(DType.int16, Int16Array.of(-3)), ''],
    ["uint16 in ONNX Runtime's own domain", 17, zero(DType.uint16, Uint16Array.of(20000)), 'com.microsoft'],
  ])(
    '%s: scores are those of the file, and gradients pass straight through where asked',
    async (_, opset, point, domain) => {
      const graph = graphOf({
        opset,
        input: [null, 1, 8, 8],
        build: (b, image) => head(b, stairs(b, image, point, domain)),
      });
      const card = cardFor(folder.write('wide.onnx', graph), { classes: ['a', 'b'] });
      const want = await runRaw(graph, { shape: [3, 1, 8, 8], data: x.data });
      await usingCard(card, async model => {
        expect(difference((await model.scores(batch, { as: 'logit' })).data, want)).toBeLessThan(1e-6);
        expect(model.runtime.limitations?.gradients).toMatch(/quantisation: straight-through/);
      });
      await usingCard({ ...card, quantisation: 'straight-through' }, async model => {
        const w = weights('w', [64, 2]).data;
        await model.gradients(batch, { class: 1, score: 'logit' }, (i, gradient) => {
          const values = x.data.subarray(i * 64, (i + 1) * 64);
          const [low, high] = point.dtype === DType.uint16 ? [0, 65535] : [-32768, 32767];
          const inside = (v: number) =>
            v * 4096 + Number(point.data[0]) > low && v * 4096 + Number(point.data[0]) < high;
          for (const [k, v] of values.entries()) {
            expect(gradient[k]).toBeCloseTo(inside(v) ? Number(w[2 * k + 1]) : 0, 6);
          }
        });
      });
    },
  );
});

describe('weights of 4 bits', () => {
  it('are multiplied with what the file says, not with what is left of it in 8 bits', async () => {
    const graph = graphOf({
      opset: 21,
      input: [null, 1, 8, 8],
      build(b, image) {
        const bytes = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) % 256);
        const stored = b.constant({ dtype: DType.int4, dims: [64, 2], data: bytes });
        const scales = b.constant(weights('scales', [2, 2], 0.1));
        const attrs = { axis: attr.int(0), block_size: attr.int(32) };
        const w = b.op('DequantizeLinear', [stored, scales], attrs);
        return [b.op('MatMul', [b.op('Flatten', [image]), w]), [null, 2]];
      },
    });
    const scales = weights('scales', [2, 2], 0.1).data as Float32Array;
    const nibble = (k: number) => {
      const bits = ((((k >> 1) * 37 + 11) % 256) >> (4 * (k & 1))) & 15;
      return bits > 7 ? bits - 16 : bits;
    };
    const want = Float32Array.from({ length: 6 }, (_, at) => {
      const [image, k] = [Math.floor(at / 2), at % 2];
      let sum = 0;
      for (let p = 0; p < 64; p++)
        sum += x.data[image * 64 + p]! * nibble(2 * p + k) * scales[Math.floor(p / 32) * 2 + k]!;
      return sum;
    });
    await usingCard(cardFor(folder.write('four.onnx', graph), { classes: ['a', 'b'] }), async model => {
      expect(difference((await model.scores(batch, { as: 'logit' })).data, want)).toBeLessThan(1e-5);
      expect(model.runtime.limitations?.gradients).toBeUndefined();
    });
    const session = await InferenceSession.create(
      encodeModel(graph),
      sessionOptions({ executionProviders: ['cpu'], threads: 1 }),
    );
    const { [graph.outputs[0]!.name]: got } = await session.run({ image: new Tensor('float32', x.data, [3, 1, 8, 8]) });
    await session.release();
    expect(difference(got!.data as Float32Array, want)).toBeLessThan(1e-5);
  });
});

describe('a network that rounds', () => {
  const scaled = (b: GraphBuilder, image: string, by: number) => b.op('Mul', [image, b.scalar(by)]);
  const to = (b: GraphBuilder, from: string, type: number) => b.op('Cast', [from], { to: attr.int(type) });
  const rounding = {
    Round: (b: GraphBuilder, image: string) => scaled(b, b.op('Round', [scaled(b, image, 16)]), 1 / 16),
    Floor: (b: GraphBuilder, image: string) => scaled(b, b.op('Floor', [scaled(b, image, 16)]), 1 / 16),
    Sign: (b: GraphBuilder, image: string) => b.op('Sign', [image]),
    Cast: (b: GraphBuilder, image: string) =>
      scaled(b, to(b, to(b, scaled(b, image, 255), DType.int32), DType.float), 1 / 255),
  };

  it.each(Object.entries(rounding))('by %s has no gradient unless it passes straight through', async (op, rounded) => {
    const graph = graphOf({ input: [null, 1, 8, 8], build: (b, image) => head(b, rounded(b, image)) });
    const card = cardFor(folder.write('rounds.onnx', graph), { classes: ['a', 'b'] });
    const want = await runRaw(graph, { shape: [3, 1, 8, 8], data: x.data });
    await usingCard(card, async model => {
      expect(difference((await model.scores(batch, { as: 'logit' })).data, want)).toBeLessThan(1e-6);
      const reason = model.runtime.limitations?.gradients;
      expect(reason).toMatch(new RegExp(`decide, count or round \\(${op} at node`));
      expect(reason).toMatch(/quantisation: straight-through/);
    });
    await usingCard({ ...card, quantisation: 'straight-through' }, async model => {
      const w = weights('w', [64, 2]).data;
      await model.gradients(batch, { class: 1, score: 'logit' }, (i, gradient) => {
        for (const [k, v] of x.data.subarray(i * 64, (i + 1) * 64).entries()) {
          const passes = op !== 'Sign' || Math.abs(v) < 1;
          expect(gradient[k]).toBeCloseTo(passes ? Number(w[2 * k + 1]) : 0, 5);
        }
      });
    });
  });
});

describe('weights that are quantised alone', () => {
  const stored = (dtype: number, count: number): Constant => ({
    dtype,
    dims: [64, 2],
    data: Uint8Array.from({ length: count }, (_, i) => (i * 37) % 256),
  });
  it.each<[string, (b: GraphBuilder) => string]>([
    [
      '4 bits',
      b =>
        b.op('DequantizeLinear', [
          b.constant(stored(DType.uint4, 64)),
          b.scalar(0.25),
          b.constant(zero(DType.uint4, Uint8Array.of(8))),
        ]),
    ],
    [
      'blocks with scales of their own',
      b =>
        b.op('DequantizeLinear', [b.constant(stored(DType.uint8, 128)), b.constant(weights('s', [4, 2], 0.01))], {
          axis: attr.int(0),
          block_size: attr.int(16),
        }),
    ],
  ])('%s: the scores are those of the file, and gradients are not in the way', async (_, made) => {
    const graph = graphOf({
      opset: 21,
      input: [null, 1, 8, 8],
      // A sum, not a product of matrices: ONNX Runtime has a kernel for that which rounds by itself.
      build(b, image) {
        const w = b.op('Mul', [made(b), b.scalar(1)]);
        const products = b.op('Mul', [b.op('Reshape', [image, b.ints([-1, 64, 1])]), w]);
        return [b.op('ReduceSum', [products, b.ints([1])], { keepdims: attr.int(0) }), [null, 2]];
      },
    });
    const card = cardFor(folder.write('weights.onnx', graph), { classes: ['a', 'b'] });
    const want = await runRaw(graph, { shape: [3, 1, 8, 8], data: x.data });
    await usingCard(card, async model => {
      expect(difference((await model.scores(batch, { as: 'logit' })).data, want)).toBeLessThan(1e-5);
      expect([...model.capabilities]).toContain('gradients');
    });
  });
});
