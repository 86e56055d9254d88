import { describe, expect, test } from 'vitest';
import { shareCommon } from '../../../../src/engines/onnx/autodiff/optimise/common.ts';
import { foldScales } from '../../../../src/engines/onnx/autodiff/optimise/fold-scales.ts';
import { simplify } from '../../../../src/engines/onnx/autodiff/optimise/simplify.ts';
import { type Constant, constant, DType, type Graph, type Node } from '../../../../src/engines/onnx/graph/graph.ts';
import { modelOf, node, OPSET, run, session, spread, type Values, weights } from './harness.ts';

function graphOf(nodes: Node[], inputs: Record<string, Values>, constants: Record<string, Constant>): Graph {
  const info = (name: string, dims: readonly number[]) => ({ name, dtype: DType.float, dims });
  return {
    opset: OPSET,
    nodes,
    constants: new Map(Object.entries(constants)),
    inputs: Object.entries(inputs).map(([name, v]) => info(name, v.dims)),
    outputs: [{ name: 'y', dtype: 0, dims: [] }],
  };
}

async function evaluate(graph: Graph, inputs: Record<string, Values>): Promise<Float32Array> {
  const s = await session(graph);
  const y = (await run(s, inputs))['y']!.data as Float32Array;
  const copy = Float32Array.from(y);
  await s.release();
  return copy;
}

const ops = (graph: Graph) => graph.nodes.map(n => n.op);

describe('scales per channel move into convolutions', () => {
  const x = spread([2, 4, 5, 5]);
  const m = spread([2, 6, 5, 5], 0, 1);
  const pads = { pads: [1, 1, 1, 1] };
  const c6 = weights([6, 1, 1], 9, 0.5, 2);
  const cases: Record<string, { nodes: Node[]; constants: Record<string, Constant>; inputs?: Record<string, Values> }> =
    {
      'behind it': {
        nodes: [node('Conv', ['x', 'w'], pads, ['a']), node('Mul', ['a', 'c'])],
        constants: { w: weights([6, 4, 3, 3]), c: c6 },
      },
      'with a bias': {
        nodes: [node('Conv', ['x', 'w', 'b'], pads, ['a']), node('Mul', ['c', 'a'])],
        constants: { w: weights([6, 4, 3, 3]), b: weights([6]), c: c6 },
      },
      'past a mask and repeated pixels': {
        nodes: [
          node('Conv', ['x', 'w'], pads, ['a']),
          node('Mul', ['a', 'm'], {}, ['b']),
          node('Resize', ['b', '', 's'], { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }, [
            'r',
          ]),
          node('Mul', ['r', 'c']),
        ],
        constants: { w: weights([6, 4, 3, 3]), s: constant.float([4], [1, 1, 2, 2]), c: c6 },
        inputs: { x, m },
      },
      'before it': {
        nodes: [node('Relu', ['m'], {}, ['r']), node('Mul', ['r', 'c'], {}, ['a']), node('Conv', ['a', 'w'], pads)],
        constants: { w: weights([3, 6, 3, 3]), c: c6 },
        inputs: { m },
      },
      'before a grouped one': {
        nodes: [
          node('Relu', ['m'], {}, ['r']),
          node('Mul', ['r', 'c'], {}, ['a']),
          node('Conv', ['a', 'w'], { ...pads, group: 2 }),
        ],
        constants: { w: weights([4, 3, 3, 3]), c: c6 },
        inputs: { m },
      },
      'around a transposed one': {
        nodes: [
          node('Relu', ['m'], {}, ['r']),
          node('Mul', ['r', 'c'], {}, ['a']),
          node('ConvTranspose', ['a', 'w'], { group: 2 }, ['b']),
          node('Mul', ['b', 'd']),
        ],
        constants: { w: weights([6, 2, 3, 3]), c: c6, d: weights([4, 1, 1], 8, 0.5, 2) },
        inputs: { m },
      },
      'one factor for all': {
        nodes: [node('Conv', ['x', 'w'], pads, ['a']), node('Mul', ['a', 'c'])],
        constants: { w: weights([6, 4, 3, 3]), c: constant.scalar(0.25) },
      },
    };

  test.each(Object.entries(cases))('%s', async (_, { nodes, constants, inputs = { x } }) => {
    const graph = graphOf(nodes, inputs, constants);
    const folded = foldScales(graph);
    const scales = (g: Graph) => g.nodes.filter(n => n.op === 'Mul' && n.inputs.some(i => g.constants.has(i))).length;
    expect(scales(graph)).toBeGreaterThan(0);
    expect(scales(folded)).toBe(0);
    const [before, after] = [await evaluate(graph, inputs), await evaluate(folded, inputs)];
    before.forEach((v, i) => {
      expect(after[i]).toBeCloseTo(v, 4);
    });
  });

  test('not where another node reads what they would change', () => {
    const nodes = [node('Conv', ['x', 'w'], pads, ['a']), node('Mul', ['a', 'c'], {}, ['b']), node('Add', ['a', 'b'])];
    const graph = graphOf(nodes, { x }, { w: weights([6, 4, 3, 3]), c: c6 });
    expect(ops(foldScales(graph))).toEqual(['Conv', 'Mul', 'Add']);
  });

  test('not where they belong to another axis', () => {
    const nodes = [node('Conv', ['x', 'w'], pads, ['a']), node('Mul', ['a', 'c'])];
    const graph = graphOf(nodes, { x }, { w: weights([5, 4, 3, 3]), c: weights([5, 1], 9) });
    expect(ops(foldScales(graph))).toEqual(['Conv', 'Mul']);
  });
});

test('equal nodes are computed once, outputs and others are kept apart', () => {
  const nodes = [
    node('Exp', ['x'], {}, ['a']),
    node('Exp', ['x'], {}, ['b']),
    node('LeakyRelu', ['a'], {}, ['c']),
    node('LeakyRelu', ['b'], { alpha: { type: 'float', value: 0.2 } }, ['d']),
    node('Add', ['c', 'd'], {}, ['y']),
  ];
  const shared = shareCommon(graphOf(nodes, { x: spread([2]) }, {}));
  expect(shared.nodes.map(n => [n.op, ...n.inputs])).toEqual([
    ['Exp', 'x'],
    ['LeakyRelu', 'a'],
    ['LeakyRelu', 'a'],
    ['Add', 'c', 'd'],
  ]);
});

describe('simplifying a model', () => {
  const pooled = {
    note: '',
    nodes: [
      node('Relu', ['x'], {}, ['r']),
      node('Conv', ['r', 'w', 'b'], {}, ['a']),
      node('AveragePool', ['a'], { kernel_shape: [2, 2], strides: [2, 2] }),
    ],
    inputs: { x: spread([2, 3, 5, 4]) },
    constants: { w: weights([4, 3, 1, 1]), b: weights([4]) },
  };

  test('averages before a 1×1 convolution', async () => {
    const { model } = await modelOf(pooled);
    const simple = simplify(model);
    expect(ops(simple.graph)).toEqual(['Relu', 'AveragePool', 'Conv']);
    const [before, after] = [
      await evaluate(only(model.graph), pooled.inputs),
      await evaluate(only(simple.graph), pooled.inputs),
    ];
    before.forEach((v, i) => {
      expect(after[i]).toBeCloseTo(v, 5);
    });
  });

  test('not where the convolution’s output is asked for', async () => {
    const { model } = await modelOf(pooled);
    expect(ops(simplify(model, ['a']).graph)).toEqual(['Relu', 'Conv', 'AveragePool']);
  });

  test('concatenations read earlier ones', async () => {
    const { model } = await modelOf({
      note: '',
      nodes: [
        node('Relu', ['x'], {}, ['a']),
        node('Exp', ['x'], {}, ['b']),
        node('Concat', ['x', 'a'], { axis: 1 }, ['c1']),
        node('Concat', ['x', 'a'], { axis: 0 }, ['other']),
        node('Concat', ['x', 'a', 'b'], { axis: 1 }, ['c2']),
        node('Concat', ['x', 'a', 'b', 'c1'], { axis: 1 }, ['y']),
      ],
      inputs: { x: spread([1, 2]) },
    });
    const inputs = simplify(model)
      .graph.nodes.filter(n => n.op === 'Concat')
      .map(n => n.inputs.join());
    expect(inputs).toEqual(['x,a', 'x,a', 'c1,b', 'c2,c1']);
  });
});

const only = (graph: Graph): Graph => ({ ...graph, outputs: [{ name: 'y', dtype: 0, dims: [] }] });
