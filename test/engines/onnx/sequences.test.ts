import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import {
  attr,
  type Constant,
  constant,
  DType,
  type Graph,
  GraphBuilder,
} from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { probe } from '../../../src/engines/onnx/load/probe-shapes.ts';
import { withoutSequences } from '../../../src/engines/onnx/load/sequences.ts';
import { images } from './fixtures.ts';

type Build = (b: GraphBuilder, x: string) => string;

const number = (b: GraphBuilder, v: number) => b.constant(constant.int64([], [v]));
const split = (b: GraphBuilder, x: string, by: Constant | undefined, keepdims = 1) =>
  b.op('SplitToSequence', by ? [x, b.constant(by)] : [x], { axis: attr.int(1), keepdims: attr.int(keepdims) });
const at = (b: GraphBuilder, list: string, i: number) => b.op('SequenceAt', [list, number(b, i)]);

const SEEN_THROUGH: Readonly<Record<string, Build>> = {
  'parts of given sizes': (b, x) => at(b, split(b, x, constant.ints([1, 3])), 1),
  'parts of one size, the last smaller': (b, x) => at(b, split(b, x, constant.int64([], [3])), -1),
  'single places without their axis': (b, x) => at(b, split(b, x, undefined, 0), 2),
  'parts of size 1 without their axis': (b, x) => at(b, split(b, x, constant.int64([], [1]), 0), -1),
  'parts put together in another order': (b, x) => {
    const list = split(b, x, undefined);
    const other = b.op('SequenceConstruct', [at(b, list, 3), at(b, list, 0)]);
    return b.op('ConcatFromSequence', [other], { axis: attr.int(1) });
  },
  'a list that grows and shrinks, stacked': (b, x) => {
    const twice = b.op('Add', [x, x]);
    const empty = b.op('SequenceEmpty', []);
    const one = b.op('SequenceInsert', [empty, x]);
    const two = b.op('SequenceInsert', [one, twice, number(b, 0)]);
    const three = b.op('SequenceInsert', [two, x, number(b, -1)]);
    const rest = b.op('SequenceErase', [three, number(b, 1)]);
    return b.op('ConcatFromSequence', [rest], { axis: attr.int(-1), new_axis: attr.int(1) });
  },
  'the length of a list': (b, x) => {
    const length = b.op('SequenceLength', [split(b, x, constant.int64([], [3]))]);
    return b.op('Mul', [x, b.op('Cast', [length], { to: attr.int(DType.float) })]);
  },
};

function graphOf(build: Build): Graph {
  const b = new GraphBuilder({ opset: 20, taken: ['image'] });
  const y = build(b, 'image');
  return {
    opset: 20,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'image', dtype: DType.float, dims: [2, 4, 3] }],
    outputs: [{ name: y, dtype: 0, dims: [] }],
  };
}

async function outputOf(graph: Graph): Promise<Tensor> {
  const session = await InferenceSession.create(encodeModel(graph), { logSeverityLevel: 4 });
  const x = new Tensor('float32', images('sequences', [2, 4, 3]).data, [2, 4, 3]);
  const found = await session.run({ image: x });
  await session.release();
  return found[graph.outputs[0]!.name]!;
}

describe('sequences of known length become tensors with the same values', () => {
  it.each(Object.entries(SEEN_THROUGH))('%s', async (_, build) => {
    const graph = graphOf(build);
    const want = await outputOf(graph);
    const plain = withoutSequences(graph, await probe(graph, 'm.onnx'))!;
    expect(
      plain.nodes.map(n => n.op).filter(op => /^(SequenceAt|ConcatFromSequence|SequenceLength)$/.test(op)),
    ).toEqual([]);
    const got = await outputOf(plain);
    expect(got.dims).toEqual(want.dims);
    expect(Array.from(got.data as Float32Array)).toEqual(Array.from(want.data as Float32Array));
    expect(withoutSequences(plain, await probe(plain, 'm.onnx'))).toBeUndefined();
  });
});

it('a place that is known only at run time leaves the sequence as it is', async () => {
  const graph = graphOf((b, x) => {
    const place = b.op('ArgMax', [b.op('Reshape', [x, b.ints([-1])])], { axis: attr.int(0), keepdims: attr.int(0) });
    const bounded = b.op('Mod', [place, number(b, 4)]);
    return b.op('SequenceAt', [split(b, x, undefined), bounded]);
  });
  expect(withoutSequences(graph, await probe(graph, 'm.onnx'))).toBeUndefined();
});
