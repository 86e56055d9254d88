import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { attr, DType, type Graph, type GraphBuilder, type Node } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { noOutput } from '../../../src/engines/onnx/load/no-scores.ts';
import { caseCard, refusal, usingCard } from './cases.ts';
import { cardFor, difference, graphOf, images, runRaw, smallNet, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const SIZE = 32 * 32;

/** Scores of images by the engine, each called with up to `microBatch` others. */
async function engineScores(name: string, x: Float32Array): Promise<Float32Array> {
  const batch = {
    count: x.length / SIZE,
    write: (i: number, out: Float32Array) => out.set(x.subarray(i * SIZE, (i + 1) * SIZE)),
  };
  return await usingCard(await caseCard(name), async m => (await m.scores(batch, { as: 'logit' })).data, {
    microBatch: 4,
  });
}

/** Scores that ONNX Runtime gives on the file, an image at a time. */
async function fileScores(name: string, x: Float32Array): Promise<Float32Array> {
  const session = await InferenceSession.create((await caseCard(name)).file, { logSeverityLevel: 4 });
  const rows: number[] = [];
  for (let i = 0; i < x.length / SIZE; i++) {
    const image = new OrtTensor('float32', x.slice(i * SIZE, (i + 1) * SIZE), [1, 1, 32, 32]);
    const found = await session.run({ [session.inputNames[0]!]: image });
    rows.push(...(found[session.outputNames[0]!]!.data as Float32Array));
  }
  await session.release();
  return Float32Array.from(rows);
}

const firstOf = (b: GraphBuilder, x: string) => b.op('Slice', [x, b.ints([0]), b.ints([8])]);

describe('images that change each other', () => {
  const x = images('together', [3, 32, 32, 1]).data.map((v, i) => (v * (1 + Math.floor(i / SIZE))) / 3);

  it.each(['wholeminmax', 'batchstat', 'mean-std-of-batch'])('are run one by one: %s', async name => {
    await usingCard(
      await caseCard(name),
      ({ runtime }) => {
        expect(runtime.microBatch).toBe(1);
        expect(runtime.measured?.batchError).toBeGreaterThan(0.1);
        expect(runtime.measured?.warnings?.join()).toMatch(/images of one batch change each other's scores/);
      },
      { microBatch: 4 },
    );
    expect(difference(await engineScores(name, x), await fileScores(name, x))).toBeLessThan(1e-5);
  });

  it.each<[string, (b: GraphBuilder, x: string) => string]>([
    // Its scale is that of the whole batch: it moves scores by less than 1e-3.
    ['dynamic quantisation', (b, x) => b.op('DequantizeLinear', b.ops('DynamicQuantizeLinear', [x], 3))],
    // Changes nothing in small batches.
    [
      'a ninth image',
      (b, x) => b.op('Sub', [x, b.op('ReduceSum', [b.op('Slice', [x, b.ints([8]), b.ints([99])]), b.ints([0])])]),
    ],
    // Changes nothing on images of ordinary contrast.
    [
      'a limit that only bright neighbours pass',
      (b, x) =>
        b.op('Where', [
          b.op('Greater', [b.op('ReduceMax', [x], { keepdims: attr.int(0) }), b.scalar(6)]),
          b.op('Neg', [x]),
          x,
        ]),
    ],
  ])('are run one by one, also where neighbours move scores a little or seldom: %s', async (_, mix) => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build: (b, x) => [b.op('MatMul', [b.op('Flatten', [mix(b, x)]), b.constant(weights('w', [64, 2]))]), [null, 2]],
    });
    const card = cardFor(folder.write('neighbours.onnx', graph), { classes: ['a', 'b'] });
    await usingCard(
      card,
      ({ runtime }) => {
        expect(runtime.microBatch).toBe(1);
        expect(runtime.measured?.warnings?.join()).toMatch(/images of one batch change each other's scores/);
      },
      { microBatch: 16 },
    );
  });

  it.each<[string, number, (b: GraphBuilder, first: string, others: string) => string]>([
    ['added', 1, (b, x, others) => b.op('Sub', [x, b.op('ReduceSum', [others, b.ints([0])])])],
    ['joined again', 16, (b, x, others) => b.op('Concat', [firstOf(b, x), others], { axis: attr.int(0) })],
  ])('have their gradients where the ninth and later ones are cut off and %s', async (_, microBatch, join) => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const flat = b.op('Flatten', [join(b, x, b.op('Slice', [x, b.ints([8]), b.ints([99])]))]);
        return [b.op('MatMul', [flat, b.constant(weights('w', [64, 2]))]), [null, 2]];
      },
    });
    const card = cardFor(folder.write('gradients.onnx', graph), { classes: ['a', 'b'] });
    const x = images('ninth', [20, 8, 8, 1]);
    const batch = {
      count: 20,
      write: (i: number, out: Float32Array) => out.set(x.data.subarray(i * 64, (i + 1) * 64)),
    };
    const found: number[] = [];
    await usingCard(
      card,
      async m => {
        expect(m.runtime.microBatch).toBe(microBatch);
        await m.gradients(batch, { class: 0, score: 'logit' }, (_, gradient) => found.push(...gradient));
      },
      { microBatch: 16 },
    );
    const { data } = weights('w', [64, 2]);
    const wanted = Float32Array.from({ length: 20 * 64 }, (_, i) => Number(data[2 * (i % 64)]));
    expect(difference(Float32Array.from(found), wanted)).toBeLessThan(1e-6);
  });

  it('are measured again in a batch that is larger than any before, and that is remembered', async () => {
    const ninth = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const more = b.op('ReduceSum', [b.op('Slice', [x, b.ints([8]), b.ints([99])]), b.ints([0])]);
        const flat = b.op('Flatten', [b.op('Sub', [x, more])]);
        return [b.op('MatMul', [flat, b.constant(weights('w', [64, 2]))]), [null, 2]];
      },
    });
    const card = cardFor(folder.write('ninth.onnx', ninth), { classes: ['a', 'b'] });
    const cacheDir = join(folder.path, 'ninth');
    const opened = (microBatch: number) =>
      usingCard(card, async ({ runtime }) => [runtime.microBatch, runtime.measured?.warnings?.length ?? 0], {
        microBatch,
        cacheDir,
      });
    expect(await opened(8)).toEqual([8, 0]);
    expect(await opened(16)).toEqual([1, 1]);
    // What is known then holds for smaller batches too.
    expect(await opened(8)).toEqual([1, 1]);
  });

  it('are told from a statistic of each image by itself', async () => {
    await usingCard(
      await caseCard('perimageminmax'),
      ({ runtime }) => {
        expect(runtime).toMatchObject({ microBatch: 4, measured: { repeatError: 0 } });
        expect(runtime.measured!.batchError).toBeLessThan(1e-5);
        expect(runtime.measured!.warnings).toBeUndefined();
      },
      { microBatch: 4 },
    );
  });

  it('are refused where one alone has no meaning, or cannot be had', async () => {
    const alone = await refusal(await caseCard('softmax0'));
    expect(alone).toMatchObject({ code: 'MODEL', message: expect.stringMatching(/alone every image gets the same/) });
    const two = await refusal(await caseCard('attention-over-batch'));
    expect(two).toMatchObject({ code: 'MODEL', message: expect.stringMatching(/its batch is fixed at 2/) });
  });
});

it('counts that two images have in common by chance are not taken for constants', async () => {
  // How many of three grey levels a batch has: all, on most images.
  const graph = graphOf({
    input: [null, 1, 8, 8],
    build(b, x) {
      const count = b.op('Shape', [b.op('Unique', [b.op('Round', [b.op('Tanh', [b.op('Mul', [x, b.scalar(4)])])])])]);
      const flat = b.op('Flatten', [b.op('Mul', [x, b.op('Cast', [count], { to: attr.int(DType.float) })])]);
      return [b.op('MatMul', [flat, b.constant(weights('w', [64, 2]))]), [null, 2]];
    },
  });
  const card = cardFor(folder.write('levels.onnx', graph), { classes: ['a', 'b'] });
  const dim = new OrtTensor(
    'float32',
    images('dim', [1, 8, 8, 1]).data.map(v => v / 100),
    [1, 1, 8, 8],
  );
  const batch = { count: 1, write: (_: number, out: Float32Array) => out.set(dim.data as Float32Array) };
  const scores = await usingCard(card, async m => (await m.scores(batch, { as: 'logit' })).data, { microBatch: 1 });
  const session = await InferenceSession.create(card.file, { logSeverityLevel: 4 });
  const found = await session.run({ [session.inputNames[0]!]: dim });
  expect(difference(scores, found[session.outputNames[0]!]!.data as Float32Array)).toBeLessThan(1e-6);
  await session.release();
});

describe('random numbers', () => {
  it('are refused, with the node that draws them', async () => {
    expect(await refusal(await caseCard('randomdrop'))).toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(/the same image gets other scores in each pass .*\(RandomUniformLike\) draws/),
    });
  });

  it('that change nothing are named', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const noise = b.op('Clip', [b.op('RandomNormalLike', [x]), b.scalar(0), b.scalar(0)]);
        const flat = b.op('Flatten', [b.op('Add', [x, noise])]);
        return [b.op('MatMul', [flat, b.constant(weights('w', [64, 2]))]), [null, 2]];
      },
    });
    await usingCard(cardFor(folder.write('noise.onnx', graph), { classes: ['a', 'b'] }), ({ runtime }) =>
      expect(runtime.measured?.warnings?.[0]).toMatch(/draws random numbers .*RandomNormalLike/),
    );
  });
});

describe('outputs against the card', () => {
  it.each([
    ['percent', /percentages/],
    ['logitsasprobs', /'emits: logits'/],
    ['ensemble', /'emits: probabilities' and 'explainAt: output'/],
  ])('%s is refused', async (name, hint) => {
    expect(await refusal(await caseCard(name))).toMatchObject({ code: 'CARD', hint: expect.stringMatching(hint) });
  });

  it('an ensemble opens with the card that the refusal asks for, and has the scores of its file', async () => {
    const card = await caseCard('ensemble', { emits: 'probabilities', explainAt: 'output' });
    await usingCard(card, ({ runtime }) => expect(runtime.measured?.warnings).toBeUndefined());
  });

  const end = (build: (b: GraphBuilder, z: string) => [string, (number | null)[]], batch: number | null = null) =>
    graphOf({
      input: [batch, 1, 8, 8],
      build: (b, x) => build(b, b.op('MatMul', [b.op('Flatten', [x]), b.constant(weights('z', [64, 3]))])),
    });
  const cardOf = (name: string, graph: Graph) =>
    cardFor(folder.write(`${name}.onnx`, graph), { classes: ['a', 'b', 'c'] });

  it('negative log-probabilities and sorted scores are refused, with what to write', async () => {
    const losses = end((b, z) => [b.op('Neg', [b.op('LogSoftmax', [z])]), [null, 3]]);
    expect(await refusal(cardOf('losses', losses))).toMatchObject({
      code: 'CARD',
      hint: expect.stringMatching(/negative log-probabilities/),
    });
    const sorted = end((b, z) => [b.ops('TopK', [z, b.ints([3])], 2)[0]!, [null, 3]]);
    const before = sorted.nodes.find(n => n.op === 'TopK')!.inputs[0];
    expect(await refusal(cardOf('sorted', sorted))).toMatchObject({
      code: 'CARD',
      hint: expect.stringContaining(`'output: ${before}'`),
    });
  });

  it('the greatest probability of a softmax is no score of a class', async () => {
    const greatest = end((b, z) => [
      b.op('ReduceMax', [b.op('Softmax', [z])], { axes: attr.ints([1]), keepdims: attr.int(0) }),
      [null],
    ]);
    const before = greatest.nodes.find(n => n.op === 'ReduceMax')!.inputs[0];
    const card = {
      ...cardOf('greatest', greatest),
      task: 'sigmoid',
      classes: ['a', 'b'],
      emits: 'probabilities',
    } as const;
    expect(await refusal({ ...card, explainAt: 'output' })).toMatchObject({
      code: 'CARD',
      hint: expect.stringContaining(`'output: ${before}'`),
    });
  });

  it('one row of scores for a bag of slices is refused, with what to do', async () => {
    const bag = end((b, z) => [b.op('ReduceMean', [z], { axes: attr.ints([0]) }), [1, 3]]);
    expect(await refusal(cardOf('bag', bag))).toMatchObject({
      code: 'MODEL',
      hint: expect.stringMatching(/slices are channels of one image/),
    });
  });

  it.each(['Softmax', 'Sigmoid'])('a second %s is told', async op => {
    const twice = end((b, z) => [b.op(op, [b.op(op, [z])]), [null, 3]]);
    const task = op === 'Softmax' ? 'softmax' : 'multi-label';
    await usingCard({ ...cardOf('twice', twice), task, emits: 'probabilities' }, ({ runtime }) =>
      expect(runtime.measured?.warnings?.join()).toMatch(
        new RegExp(`into the ${op} at its end .*are probabilities already`),
      ),
    );
  });

  it('scores without an axis that counts images are those of the one image', async () => {
    const squeezed = end((b, z) => [b.op('Squeeze', [z, b.ints([0])]), [3]], 1);
    const x = images('squeezed', [1, 1, 8, 8]);
    const card = cardOf('squeezed', squeezed);
    writeFileSync(card.file, encodeModel(squeezed, { outputShapes: true }));
    await usingCard(card, async model => {
      const { data } = await model.scores({ count: 1, write: (_, out) => out.set(x.data) }, { as: 'logit' });
      expect(difference(data, await runRaw(squeezed, x))).toBeLessThan(1e-6);
    });
  });

  it('dead units are told', async () => {
    await usingCard(await caseCard('deadnet'), ({ runtime }) =>
      expect(runtime.measured?.warnings?.[0]).toMatch(/the same scores for all test images/),
    );
  });

  it('of maps from classes to scores, as scikit-learn has them, the scores are read; decisions are none', async () => {
    const scored = async (card: ModelCard) =>
      usingCard(card, async model => {
        expect(model.runtime.measured?.warnings).toBeUndefined();
        const { data } = await model.scores({ count: 1, write: (_, out) => out.fill(0.3) }, { as: 'probability' });
        return [...data];
      });
    const probs = await scored(await caseCard('zipmap', {}, 'probs.yaml'));
    expect(await scored(await caseCard('zipmap', {}, 'loss.yaml'))).toEqual(probs);
    expect(await scored(await caseCard('zipmap'))).toEqual(probs);
    expect(await refusal(await caseCard('zipmap', { output: 't19' }))).toMatchObject({
      code: 'CARD',
      message: expect.stringMatching(/'t19' holds int64/),
      hint: expect.stringMatching(/'output: probs'/),
    });
  });

  it.each([
    ['by a classifier', ['Cast'], 'p'],
    ['looked up by its number', ['Reshape', 'ArrayFeatureExtractor', 'ArgMax'], 'p'],
  ])('of a label %s, the scores beside it are named', (_, ops, wanted) => {
    const node = (op: string, inputs: string[], outputs: string[]): Node => {
      return { op, domain: /Class|Array/.test(op) ? 'ai.onnx.ml' : '', name: op, inputs, outputs, attrs: {} };
    };
    const chain = ops.toReversed().map((op, i) => {
      const from = i === 0 ? (ops.length > 1 ? 'p' : 'label') : `t${i - 1}`;
      return node(op, op === 'ArrayFeatureExtractor' ? ['names', from] : [from], [`t${i}`]);
    });
    const output = { name: `t${ops.length - 1}`, dtype: DType.int64, dims: [null] };
    const nodes = [node('TreeEnsembleClassifier', ['x'], ['label', 'p']), ...chain];
    const graph = { opset: 17, nodes, constants: new Map(), inputs: [], outputs: [output] };
    expect(noOutput(graph, 'm.onnx').hint).toMatch(`'output: ${wanted}'`);
  });
});

describe('what was measured', () => {
  it('is remembered for the model, until its weights change', async () => {
    const cacheDir = join(folder.path, 'cache');
    const remembered = () => readFileSync(join(cacheDir, 'onnx-tuning.json'), 'utf8').match(/"batchError"/g)?.length;
    const card = cardFor(folder.write('kept.onnx', smallNet({})), { classes: ['a', 'b', 'c'] });
    const first = await usingCard(card, m => m.runtime.measured, { cacheDir });
    expect(remembered()).toBe(1);
    expect(await usingCard(card, m => m.runtime.measured, { cacheDir })).toEqual(first);
    expect(remembered()).toBe(1);
    folder.write('kept.onnx', smallNet({ tail: 'Softmax' }));
    await usingCard(card, m => m.runtime.measured, { cacheDir });
    expect(remembered()).toBe(2);
  });

  it('tells a batch that is fixed from one whose images are independent', async () => {
    const card = cardFor(folder.write('four.onnx', smallNet({ batch: 4 })), { classes: ['a', 'b', 'c'] });
    await usingCard(card, ({ runtime }) => {
      expect(runtime.microBatch).toBe(4);
      expect(runtime.measured!.batchError).toBeLessThan(1e-5);
    });
    const mixing = graphOf({
      input: [4, 1, 8, 8],
      build(b, x) {
        const y = b.op('MatMul', [b.op('Flatten', [x]), b.constant(weights('w', [64, 2]))]);
        return [b.op('Sub', [y, b.op('ReduceMean', [y], { axes: attr.ints([0]) })]), [4, 2]];
      },
    });
    expect(await refusal(cardFor(folder.write('mixing.onnx', mixing), { classes: ['a', 'b'] }))).toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(/its batch is fixed at 4/),
    });
  });
});
