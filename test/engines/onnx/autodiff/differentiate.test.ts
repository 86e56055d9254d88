import { describe, expect, test } from 'vitest';
import { CtXaiError } from '../../../../src/core/errors.ts';
import {
  differentiate,
  type GradientRequest,
  operatorsWithoutRule,
} from '../../../../src/engines/onnx/autodiff/index.ts';
import { type Constant, constant, DType, type Node } from '../../../../src/engines/onnx/graph/graph.ts';
import { distinct, fixed, float, gradientOf, modelOf, node, spread, weights } from './harness.ts';

const x = spread([1, 2, 6, 6]);

/** A chain conv → relu → conv → mean → gemm. */
const chain = {
  note: '',
  nodes: [
    node('Conv', ['x', 'w'], {}, ['a']),
    node('Relu', ['a'], {}, ['b']),
    node('Conv', ['b', 'v'], {}, ['c']),
    node('GlobalAveragePool', ['c'], {}, ['p']),
    node('Flatten', ['p'], {}, ['f']),
    node('Gemm', ['f', 'u'], {}, ['y']),
  ],
  inputs: { x },
  constants: { w: weights([3, 2, 3, 3]), v: weights([4, 3, 3, 3]), u: weights([4, 2]) },
};

/** A recurrent layer of 2 states over 3 steps of 4 values, for one image. */
function recurrent(op: string, attrs: Parameters<typeof node>[2] = {}, [bias = '', ...more]: readonly string[] = []) {
  const gates = { RNN: 1, GRU: 3, LSTM: 4 }[op]!;
  return {
    note: '',
    // Where the bias is not constant: reshaped from the image.
    nodes: [
      node('Reshape', ['x', 'all'], {}, ['b']),
      node(op, ['x', 'w', 'r', bias && 'b', ...more], { hidden_size: 2, ...attrs }),
    ],
    inputs: { x: spread([3, 1, 4]) },
    constants: {
      ...{ w: weights([1, 2 * gates, 4]), r: weights([1, 2 * gates, 2]) },
      ...{ all: constant.ints([1, -1]), lengths: { dtype: DType.int32, dims: [1], data: Int32Array.of(3) } },
    },
  };
}

async function differentiated(c: typeof chain, request: GradientRequest) {
  const { model, forward } = await modelOf(c);
  await forward.release();
  return differentiate(model, request).graph;
}

async function failure(c: Parameters<typeof modelOf>[0], request: GradientRequest): Promise<CtXaiError> {
  const { model, forward } = await modelOf(c);
  await forward.release();
  try {
    differentiate(model, request);
  } catch (error) {
    if (error instanceof CtXaiError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the gradient graph', () => {
  test('takes the image and a seed, gives the gradient and what is kept', async () => {
    const graph = await differentiated(chain, { wrt: 'x', of: 'y', keep: ['y', 'b'] });
    expect(graph.inputs.map(i => i.dims)).toEqual([
      [1, 2, 6, 6],
      [1, 2],
    ]);
    expect(graph.outputs.map(o => o.dims)).toEqual([
      [1, 2, 6, 6],
      [1, 2],
      [1, 3, 4, 4],
    ]);
  });

  test("holds nothing before the layer's activations but what makes them", async () => {
    const graph = await differentiated(chain, { wrt: 'c', of: 'y', keep: ['c'] });
    // Forward to c, and behind it the adjoints of Gemm, Flatten and the mean alone.
    expect(graph.nodes.filter(n => n.op === 'Conv')).toHaveLength(2);
    expect(graph.nodes.map(n => n.op)).not.toContain('GlobalAveragePool');
  });

  test('of the scores with respect to themselves is the seed', async () => {
    const seed = [3, -2];
    expect(await gradientOf(chain, { wrt: 'y', of: 'y' }, seed)).toEqual(seed);
  });
});

describe('errors', () => {
  test('an unknown tensor, with the nearest name', async () => {
    const c = { ...chain, nodes: chain.nodes.map(rename('b', 'features')) };
    const error = await failure(c, { wrt: 'feature', of: 'y' });
    expect(error.code).toBe('LAYER');
    expect(error.hint).toContain("'features'");
  });

  test('a tensor that the score does not depend on', async () => {
    const c = { ...chain, nodes: [...chain.nodes, node('Relu', ['x'], {}, ['aside'])] };
    const error = await failure(c, { wrt: 'aside', of: 'y' });
    expect(error.code).toBe('LAYER');
    expect(error.message).toContain("'aside'");
  });

  test('an operator without a rule, with its place on the path', async () => {
    const nodes = [node('Relu', ['x'], {}, ['a']), node('Det', ['a'], {}, ['d']), node('Flatten', ['d'], {}, ['y'])];
    const error = await failure({ note: '', nodes, inputs: { x: spread([1, 2, 3, 3]) } }, { wrt: 'x', of: 'y' });
    expect(error.code).toBe('OPERATOR');
    expect(error.message).toContain("operator Det at node 'node_d'");
    expect(error.message).toContain('x (input) → a → [Det] → d → y');
  });

  test.each<[string, string, Parameters<typeof node>[2], string[], RegExp]>([
    ['clipped cells', 'LSTM', { clip: float(3) }, [], /its attribute 'clip' is not supported/],
    ['coupled gates', 'LSTM', { input_forget: 1 }, [], /its attribute 'input_forget' is not supported/],
    [
      'other activations',
      'RNN',
      { activations: { type: 'strings', value: ['Relu'] } },
      [],
      /names Relu, and only Tanh is/,
    ],
    ['lengths', 'GRU', {}, ['', 'lengths'], /its input 'sequence_lens' is not supported/],
    ['computed weights', 'GRU', {}, ['x'], /its weights are no constants/],
  ])('a recurrent layer with %s, with the reason', async (_, op, attrs, more, reason) => {
    const c = recurrent(op, attrs, more);
    const { code, message } = await failure(c, { wrt: 'x', of: 'y' });
    expect(code).toBe('OPERATOR');
    expect(message).toMatch(reason);
    const { model, forward } = await modelOf(c);
    await forward.release();
    const [[told, nodes] = []] = Object.entries(operatorsWithoutRule(model));
    expect(told).toMatch(reason);
    expect(nodes).toEqual(['node_y']);
  });

  test('a recurrent layer along the batch, with the reason; not one along another axis', async () => {
    const along = { ...recurrent('GRU'), dynamic: true };
    expect((await failure(along, { wrt: 'x', of: 'y' })).message).toMatch(
      /operator GRU at node 'node_y'.*no fixed length/,
    );
    const { model, forward } = await modelOf(recurrent('GRU'));
    await forward.release();
    expect(operatorsWithoutRule(model)).toEqual({});
  });

  test("an operator that ONNX Runtime's optimiser wrote, with what to do", async () => {
    const { model, forward } = await modelOf(chain);
    await forward.release();
    const nodes = model.graph.nodes.map(n => (n.op === 'Conv' ? { ...n, domain: 'com.microsoft.nchwc' } : n));
    const [[told, named] = []] = Object.entries(operatorsWithoutRule({ ...model, graph: { ...model.graph, nodes } }));
    expect(told).toMatch(/^com\.microsoft\.nchwc:Conv \(.*use the file that the exporter wrote\)$/);
    expect(named).toHaveLength(2);
  });

  test('such an operator off the path is no hindrance', async () => {
    const nodes = [
      node('Det', ['x'], {}, ['d']),
      node('Greater', ['d', 'zero'], {}, ['g']),
      node('Where', ['g', 'one', 'two'], {}, ['s']),
      node('ReduceSum', ['x', 'axes'], { keepdims: 0 }, ['t']),
      node('Mul', ['s', 't'], {}, ['y']),
    ];
    const constants = {
      zero: constant.scalar(0),
      one: constant.scalar(1),
      two: constant.scalar(2),
      axes: constant.ints([1, 2]),
    };
    const c = { note: '', nodes, inputs: { x: fixed([1, 2, 2], [1, 0, 0, 1]) }, constants };
    expect(await gradientOf(c, { wrt: 'x', of: 'y' }, [1])).toEqual([1, 1, 1, 1]);
  });

  test('a case that a rule leaves out, with the reason', async () => {
    const constants = { i: constant.int64([1, 1, 1], [0]) };
    const nodes = [node('GatherND', ['x', 'i'], { batch_dims: 1 })];
    const error = await failure({ note: '', nodes, inputs: { x: spread([1, 2]) }, constants }, { wrt: 'x', of: 'y' });
    expect(error.code).toBe('OPERATOR');
    expect(error.message).toContain("operator GatherND at node 'node_y' can't be differentiated: batch_dims");
  });
});

describe('kinks are taken as PyTorch takes them', () => {
  const one = async (
    op: string,
    values: number[],
    attrs: Parameters<typeof node>[2] = {},
    constants: Record<string, Constant> = {},
  ) => {
    const inputs = { x: fixed([1, values.length], values) };
    const c = { note: '', nodes: [node(op, ['x', ...Object.keys(constants)], attrs)], inputs, constants };
    const size = (await modelOf(c)).model.infos.get('y')!.dims.reduce<number>((a, d) => a * d!, 1);
    return gradientOf(c, { wrt: 'x', of: 'y' }, new Array<number>(size).fill(1));
  };

  test('ReLU: 0', async () => expect(await one('Relu', [-1, 0, 1])).toEqual([0, 0, 1]));
  test('leaky ReLU: the slope', async () => {
    const [, at] = await one('LeakyRelu', [-1, 0, 1]);
    expect(at).toBeCloseTo(0.01);
  });
  test('ReLU6: 0 at both ends', async () => {
    const bounds = { low: constant.scalar(0), high: constant.scalar(6) };
    expect(await one('Clip', [-1, 0, 3, 6, 7], {}, bounds)).toEqual([0, 0, 1, 0, 0]);
  });
  test('|x|: 0', async () => expect(await one('Abs', [-1, 0, 1])).toEqual([-1, 0, 1]));
  test('maximum of equals: shares', async () => {
    expect(await one('Max', [1, 2, 3], {}, { c: constant.float([3], [1, 1, 4]) })).toEqual([0.5, 1, 0]);
    expect(await one('ReduceMax', [1, 3, 3])).toEqual([0, 0.5, 0.5]);
  });
  test('norm at 0: 0', async () => expect(await one('ReduceL2', [0, 0])).toEqual([0, 0]));
  test('max pooling of equals: the first', async () => {
    const c = {
      note: '',
      nodes: [node('MaxPool', ['x'], { kernel_shape: [2, 2] })],
      inputs: { x: fixed([1, 1, 2, 2], [1, 2, 2, 2]) },
    };
    expect(await gradientOf(c, { wrt: 'x', of: 'y' }, [1])).toEqual([0, 1, 0, 0]);
  });
  test('ReLU in the blocked layout: 0', async () => {
    const values = Array.from({ length: 16 }, (_, i) => i - 8);
    const c = {
      note: '',
      nodes: [node('Conv', ['x', 'w'], {}, ['a']), node('Relu', ['a'])],
      inputs: { x: fixed([1, 1, 1, 1], [1]) },
      constants: { w: constant.float([16, 1, 1, 1], values) },
    };
    const [sum] = await gradientOf(c, { wrt: 'x', of: 'y' }, new Array<number>(16).fill(1));
    expect(sum).toBe(1 + 2 + 3 + 4 + 5 + 6 + 7);
  });
});

test('values far from 1 pass the masks of the blocked layout', async () => {
  const scales = [1e-12, 1e-3, 1, 1e12, -1e-12, -1, -1e12, 0];
  const c = {
    note: '',
    nodes: [node('Conv', ['x', 'w'], {}, ['a']), node('Relu', ['a'])],
    inputs: { x: fixed([1, 1, 1, 1], [1]) },
    constants: { w: constant.float([16, 1, 1, 1], [...scales, ...scales]) },
  };
  const seed = [...scales, ...scales].map(s => (s === 0 ? 5 : 1 / s));
  const [sum] = await gradientOf(c, { wrt: 'x', of: 'y' }, seed);
  expect(sum).toBeCloseTo(8);
});

test('distinct values are distinct', () => {
  expect(new Set(distinct([50]).data).size).toBe(50);
});

function rename(from: string, to: string): (n: Node) => Node {
  const swap = (name: string) => (name === from ? to : name);
  return n => ({ ...n, inputs: n.inputs.map(swap), outputs: n.outputs.map(swap) });
}
