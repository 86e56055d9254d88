import { afterAll, describe, expect, it } from 'vitest';
import type { AttentionOnImage, FullClassifier } from '../../../src/core/contracts/index.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { attr, constant, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { referenceCard, referenceImage, referenceModels } from '../../golden/explainers/index.ts';
import { testEngine } from '../../support/test-engine.ts';
import { batchOf } from '../tfjs/fixtures.ts';
import { cardFor, difference, graphOf, images, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const TARGET = { class: 1, score: 'logit' } as const;
const WIDTH = 4;
const HEADS = 2;

interface Kind {
  /** How the product of queries and keys, and that with the values, are written. */
  readonly written?: 'four axes' | 'three axes' | 'Einsum' | 'Attention';
  readonly classToken?: boolean;
  readonly readout?: 'first' | 'mean';
  /** What is done to the tokens [n, 16, 4] before attention. */
  readonly before?: (b: GraphBuilder, tokens: string) => string;
  readonly after?: (b: GraphBuilder, tokens: string) => string;
  /** Only some queries. */
  readonly queries?: number;
}

/** A vision transformer of one block on 4 × 4 patches of 2 × 2 pixels. */
function transformer(kind: Kind) {
  const { written = 'four axes', classToken = true, readout = classToken ? 'first' : 'mean', queries } = kind;
  return graphOf({
    opset: written === 'Attention' ? 23 : 17,
    input: [null, 1, 8, 8],
    build(b, x) {
      const parts = [weights('patches', [WIDTH, 1, 2, 2]), weights('bias', [WIDTH])].map(c => b.constant(c));
      const grid = b.op('Conv', [x, ...parts], { strides: attr.ints([2, 2]) });
      const flat = b.op('Reshape', [grid, b.ints([0, WIDTH, 16])]);
      let tokens = b.op('Transpose', [flat], { perm: attr.ints([0, 2, 1]) });
      tokens = b.op('Add', [tokens, b.constant(weights('places', [1, 16, WIDTH]))]);
      if (classToken) {
        const none = b.op('Mul', [b.op('Slice', [tokens, b.ints([0]), b.ints([1]), b.ints([1])]), b.scalar(0)]);
        const own = b.op('Add', [none, b.constant(weights('class', [1, 1, WIDTH]))]);
        tokens = b.op('Concat', [own, tokens], { axis: attr.int(1) });
      }
      tokens = kind.before?.(b, tokens) ?? tokens;
      const count = kind.before === windows ? 4 : classToken ? 17 : 16;
      const made = ['q', 'k', 'v'].map(name => b.op('MatMul', [tokens, b.constant(weights(name, [WIDTH, WIDTH], 1))]));
      if (queries !== undefined) made[0] = b.op('Slice', [made[0]!, b.ints([0]), b.ints([queries]), b.ints([1])]);
      let y = attended(b, made as [string, string, string], written, queries ?? count, count);
      y = kind.after?.(b, y) ?? y;
      const one = b.constant(constant.int64([], [0]));
      const pooled =
        readout === 'first'
          ? b.op('Gather', [y, one], { axis: attr.int(1) })
          : b.op('ReduceMean', [y], { axes: attr.ints([1]), keepdims: attr.int(0) });
      return [b.op('MatMul', [pooled, b.constant(weights('head', [WIDTH, 3], 2))]), [null, 3]];
    },
  });
}

function attended(
  b: GraphBuilder,
  [q, k, v]: [string, string, string],
  written: Kind['written'],
  queries: number,
  count: number,
): string {
  if (written === 'Attention') {
    return b.op('Attention', [q, k, v], { q_num_heads: attr.int(HEADS), kv_num_heads: attr.int(HEADS) });
  }
  const d = WIDTH / HEADS;
  const three = written === 'three axes';
  const split = (t: string, n: number) => {
    const parts = b.op('Reshape', [t, b.ints([-1, n, HEADS, d])]);
    const by = b.op('Transpose', [parts], { perm: attr.ints([0, 2, 1, 3]) });
    return three ? b.op('Reshape', [by, b.ints([-1, n, d])]) : by;
  };
  const [qs, ks, vs] = [split(q, queries), split(k, count), split(v, count)];
  const turned = () => b.op('Transpose', [ks], { perm: attr.ints(three ? [0, 2, 1] : [0, 1, 3, 2]) });
  const einsum = (equation: string, ...inputs: string[]) => b.op('Einsum', inputs, { equation: attr.string(equation) });
  const scores = written === 'Einsum' ? einsum('bhqd,bhkd->bhqk', qs, ks) : b.op('MatMul', [qs, turned()]);
  const shares = b.op('Softmax', [b.op('Mul', [scores, b.scalar(1 / Math.sqrt(d))])], { axis: attr.int(-1) });
  const mixed = written === 'Einsum' ? einsum('bhqk,bhkd->bhqd', shares, vs) : b.op('MatMul', [shares, vs]);
  const by = three ? b.op('Reshape', [mixed, b.ints([-1, HEADS, queries, d])]) : mixed;
  return b.op('Reshape', [b.op('Transpose', [by], { perm: attr.ints([0, 2, 1, 3]) }), b.ints([-1, queries, WIDTH])]);
}

/** Tokens of four patches each, folded into the batch. */
const windows = (b: GraphBuilder, tokens: string) => b.op('Reshape', [tokens, b.ints([-1, 4, WIDTH])]);
const unfolded = (b: GraphBuilder, tokens: string) => b.op('Reshape', [tokens, b.ints([-1, 16, WIDTH])]);
const backwards = (b: GraphBuilder, tokens: string) => {
  const indices = b.constant(
    constant.int64(
      [16],
      Array.from({ length: 16 }, (_, i) => 15 - i),
    ),
  );
  return b.op('Gather', [tokens, indices], { axis: attr.int(1) });
};

async function using<T>(kind: Kind, use: (model: FullClassifier) => Promise<T>): Promise<T> {
  const name = Object.entries(kind).map(([key, value]) => `${key}-${typeof value === 'function' ? value.name : value}`);
  const card = cardFor(folder.write(`${name.join(' ')}.onnx`, transformer(kind)), { classes: ['a', 'b', 'c'] });
  const model = await onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 2 });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

const x = images('attention', [1, 8, 8, 1]);

const vit = referenceModels.vit!;
testEngine('a vision transformer', {
  engine: onnxEngine,
  device: 'cpu',
  card: referenceCard('vit'),
  images: tensor(
    [3, 32, 32, 1],
    Float32Array.from([0, 1, 0].flatMap((i, k) => [...referenceImage(vit, i).data.map(v => (k === 2 ? -v : v))])),
  ),
  tolerance: 1e-4,
});

describe('attention of a graph', () => {
  it.each(['three axes', 'Einsum', 'Attention'] as const)('is found as it is, written with %s', async written => {
    const ask = (model: FullClassifier): Promise<AttentionOnImage> => model.attention(batchOf(x), TARGET);
    const want = await using({}, ask);
    const got = await using({ written }, ask);
    expect(want).toMatchObject({ grid: [4, 4], extraTokens: 1 });
    expect(got).toMatchObject({ grid: [4, 4], extraTokens: 1 });
    for (const key of ['weights', 'gradients'] as const) {
      expect(got.blocks[0]![key]!.shape).toEqual([HEADS, 17, 17]);
      expect(difference(got.blocks[0]![key]!.data, want.blocks[0]![key]!.data)).toBeLessThan(1e-5);
    }
  });

  it('has gradients at the row that the score is read from, and at all where tokens are averaged', async () => {
    const rows = async (kind: Kind) => {
      const { blocks } = await using(kind, model => model.attention(batchOf(x), TARGET));
      const { shape, data } = blocks[0]!.gradients!;
      const tokens = shape[1]!;
      return Array.from({ length: tokens }, (_, i) => data.slice(i * tokens, (i + 1) * tokens).some(v => v !== 0));
    };
    expect((await rows({})).map(Number)).toEqual([1, ...new Array<number>(16).fill(0)]);
    expect(await rows({ classToken: false })).toEqual(new Array(16).fill(true));
  });

  it.each<[string, Kind, RegExp]>([
    ['windows of patches', { classToken: false, before: windows, after: unfolded }, /4 tokens, as in windows/],
    ['fewer queries than keys', { queries: 1 }, /1 queries to 17 keys/],
  ])('is refused by its structure: %s', async (_, kind, why) => {
    await using(kind, async model => {
      expect(model.capabilities.has('attention')).toBe(false);
      expect(model.runtime.limitations?.attention).toMatch(why);
      await expect(model.attention(batchOf(x), TARGET)).rejects.toMatchObject({ code: 'ENGINE' });
    });
  });

  it('is refused where the tokens turn out to lie otherwise on the image', async () => {
    const asked = using({ classToken: false, before: backwards }, model => model.attention(batchOf(x)));
    await expect(asked).rejects.toMatchObject({
      code: 'LAYER',
      message: expect.stringMatching(/patch at row 0, column 0 of 4 × 4 changes token 15 .* not token 0/),
    });
  });
});
