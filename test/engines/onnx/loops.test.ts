import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import {
  attr,
  constant,
  DType,
  type Graph,
  GraphBuilder,
  type ValueInfo,
} from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { withoutBranches } from '../../../src/engines/onnx/load/branches.ts';
import { withoutLoops } from '../../../src/engines/onnx/load/loops.ts';
import { probe } from '../../../src/engines/onnx/load/probe-shapes.ts';
import { images } from './fixtures.ts';

const value = (name: string, dtype: number = DType.float, dims: number[] = []): ValueInfo => ({
  ...{ name, dtype, dims },
  ...(dtype === DType.float ? { unshaped: true as const } : {}),
});

/** An inner graph that makes `outputs` of `inputs`; its inner names are those of every other one. */
function inner(inputs: ValueInfo[], build: (b: GraphBuilder) => ValueInfo[]): Graph {
  const b = new GraphBuilder({ opset: 20, taken: inputs.map(i => i.name) });
  const outputs = build(b);
  return { opset: 20, nodes: b.nodes, constants: b.constants, inputs, outputs };
}

function graphOf(build: (b: GraphBuilder, x: string) => string, batch: number | null = 2): Graph {
  const b = new GraphBuilder({ opset: 20, taken: ['image'] });
  const y = build(b, 'image');
  return {
    ...{ opset: 20, nodes: b.nodes, constants: b.constants },
    inputs: [{ name: 'image', dtype: DType.float, dims: [batch, 4, 3] }],
    outputs: [{ name: y, dtype: 0, dims: [] }],
  };
}

async function outputOf(graph: Graph, batch = 2): Promise<Tensor> {
  const session = await InferenceSession.create(encodeModel(graph), { logSeverityLevel: 4 });
  const x = new Tensor('float32', images('loops', [batch, 4, 3]).data, [batch, 4, 3]);
  const found = await session.run({ image: x });
  await session.release();
  return found[graph.outputs[0]!.name]!;
}

const yes = { dtype: DType.bool, dims: [], data: Uint8Array.of(1) };
const LOOP_INPUTS = [value('turn', DType.int64), value('goes on', DType.bool), value('state')];

/** The state is multiplied, the turn's number and an outer tensor added; each turn's mean is kept. */
const turn = (x: string) =>
  inner(LOOP_INPUTS, b => {
    const count = b.op('Cast', ['turn'], { to: attr.int(DType.float) });
    const next = b.op('Add', [b.op('Add', [b.op('Mul', ['state', b.scalar(0.5)]), x]), count]);
    const mean = b.op('ReduceMean', [next, b.ints([1])], { keepdims: attr.int(0) });
    return [value(b.op('Identity', ['goes on']), DType.bool), value(next), value(mean)];
  });

function looped(b: GraphBuilder, x: string, count: number, body: Graph): string {
  const inputs = [b.constant(constant.int64([], [count])), b.constant(yes), x];
  const [last, rows] = b.ops('Loop', inputs, 2, { body: { type: 'graph', value: body } });
  return b.op('Add', [
    b.op('ReduceMean', [last!, b.ints([1])], { keepdims: attr.int(0) }),
    b.op('ReduceSum', [rows!, b.ints([0])], { keepdims: attr.int(0) }),
  ]);
}

/** A running sum along the rows, read from either end and written in either order. */
function scanned(b: GraphBuilder, x: string, attrs: Record<string, number[]>): string {
  const body = inner([value('sum'), value('row')], own => {
    const next = own.op('Add', [own.op('Tanh', ['sum']), 'row']);
    return [value(next), value(own.op('Mul', [next, own.scalar(2)]))];
  });
  const start = b.op('ReduceMin', [x, b.ints([1])], { keepdims: attr.int(0) });
  const lists = Object.fromEntries(Object.entries(attrs).map(([key, list]) => [key, attr.ints(list)]));
  const all = { ...lists, body: { type: 'graph' as const, value: body }, num_scan_inputs: attr.int(1) };
  const [last, rows] = b.ops('Scan', [start, x], 2, all);
  return b.op('Concat', [b.op('Unsqueeze', [last!, b.ints([1])]), rows!], { axis: attr.int(1) });
}

/** A counter from 0 that ends the loop: without a limit of turns where `limit` is ''. */
function counted(b: GraphBuilder, x: string, limit: string, ends: (own: GraphBuilder) => string): string {
  const inputs = [...LOOP_INPUTS.slice(0, 2), value('counter'), LOOP_INPUTS[2]!];
  const body = inner(inputs, own => {
    const next = own.op('Add', [own.op('Mul', ['state', own.scalar(0.5)]), 'counter']);
    const counter = own.op('Add', ['counter', own.scalar(1)]);
    return [value(ends(own), DType.bool), value(counter), value(next)];
  });
  const start = [limit, b.constant(yes), b.scalar(0), x];
  return b.ops('Loop', start, 2, { body: { type: 'graph', value: body } })[1]!;
}

const FOREVER = constant.int64([], [2 ** 63]);

describe('loops of a known number of turns are written turn by turn, with the same values', () => {
  it.each<[string, (b: GraphBuilder, x: string) => string]>([
    ['Loop', (b, x) => looped(b, x, 3, turn(x))],
    [
      'two loops with the same inner names',
      (b, x) => b.op('Add', [looped(b, x, 2, turn(x)), looped(b, x, 4, turn(x))]),
    ],
    ['Loop until a counter says so', (b, x) => counted(b, x, '', own => own.op('Less', ['counter', own.scalar(3.5)]))],
    [
      'Loop until the number of the turn says so',
      (b, x) =>
        counted(b, x, b.constant(FOREVER), own => own.op('Less', ['turn', own.constant(constant.int64([], [2]))])),
    ],
    [
      'Loop that ends at its limit before its counter',
      (b, x) => counted(b, x, b.constant(constant.int64([], [2])), own => own.op('Less', ['counter', own.scalar(3.5)])),
    ],
    [
      'Loop until a counter reaches what a size of the image says',
      (b, x) => {
        const size = b.op('Cast', [b.op('Size', [x])], { to: attr.int(DType.float) });
        const most = b.op('Div', [size, b.scalar(6)]);
        return counted(b, x, '', own => own.op('Less', ['counter', most]));
      },
    ],
    ['Scan', (b, x) => scanned(b, x, { scan_input_axes: [1], scan_output_axes: [1] })],
    [
      'Scan from the end',
      (b, x) =>
        scanned(b, x, {
          ...{ scan_input_axes: [-2], scan_output_axes: [1] },
          ...{ scan_input_directions: [1], scan_output_directions: [1] },
        }),
    ],
  ])('%s', async (_, build) => {
    const graph = graphOf(build);
    const want = await outputOf(graph);
    const plain = (await withoutLoops(graph, await probe(graph, 'm.onnx')))!;
    expect(plain.nodes.map(n => n.op)).not.toContain(graph.nodes.find(n => /Loop|Scan/.test(n.op))!.op);
    const got = await outputOf(plain);
    expect(got.dims).toEqual(want.dims);
    for (const [i, v] of (want.data as Float32Array).entries()) expect(got.data[i]).toBeCloseTo(v, 5);
  });

  it.each<[string, Graph]>([
    [
      'that ends when its values say so',
      inner(LOOP_INPUTS, b => {
        const next = b.op('Mul', ['state', b.scalar(2)]);
        const small = b.op('Less', [b.op('ReduceMax', [next], { keepdims: attr.int(0) }), b.scalar(5)]);
        return [
          value(small, DType.bool),
          value(next),
          value(b.op('ReduceMean', [next, b.ints([1])], { keepdims: attr.int(0) })),
        ];
      }),
    ],
    [
      'that may end at random',
      inner(LOOP_INPUTS, b => {
        const next = b.op('Mul', ['state', b.scalar(0.9)]);
        const odd = b.op('RandomUniform', [], { shape: attr.ints([1]) });
        const goes = b.op('Reshape', [b.op('Less', [odd, b.scalar(2)]), b.constant(constant.int64([0], []))]);
        return [
          value(goes, DType.bool),
          value(next),
          value(b.op('ReduceMean', [next, b.ints([1])], { keepdims: attr.int(0) })),
        ];
      }),
    ],
  ])('but not one %s', async (_, body) => {
    const graph = graphOf((b, x) => looped(b, x, 3, body));
    expect(await withoutLoops(graph, await probe(graph, 'm.onnx'))).toBeUndefined();
  });
});

describe('branches', () => {
  const branch = (op: string, x: string): { type: 'graph'; value: Graph } => ({
    type: 'graph',
    // Both branches, and those of other conditions, call it the same.
    value: inner([], b => [value(b.op('Mul', [b.op(op, [x]), b.constant(constant.float([1], [op.length]))]))]),
  });

  it('of two conditions may share inner names', async () => {
    const graph = graphOf((b, x) => {
      const first = b.op('If', [b.constant(yes)], { then_branch: branch('Neg', x), else_branch: branch('Exp', x) });
      const no = b.constant({ ...yes, data: Uint8Array.of(0) });
      return b.op('If', [no], { then_branch: branch('Neg', first), else_branch: branch('Tanh', first) });
    });
    const want = await outputOf(graph);
    const plain = withoutBranches(graph, (await probe(graph, 'm.onnx')).values)!;
    expect(plain.nodes.map(n => n.op)).not.toContain('If');
    expect((await outputOf(plain)).data).toEqual(want.data);
  });

  it('that depend on whether an image is alone stay', async () => {
    const graph = graphOf((b, x) => {
      const count = b.op('Gather', [b.op('Shape', [x]), b.constant(constant.int64([], [0]))]);
      const several = b.op('Greater', [count, b.constant(constant.int64([], [1]))]);
      return b.op('If', [several], { then_branch: branch('Neg', x), else_branch: branch('Exp', x) });
    }, null);
    expect(withoutBranches(graph, (await probe(graph, 'm.onnx')).values)).toBeUndefined();
  });
});
