import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { DType, type Graph, GraphBuilder } from '../../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../../src/engines/onnx/graph/proto.ts';
import { upgrade } from '../../../../src/engines/onnx/load/upgrade/index.ts';
import { images } from '../fixtures.ts';
import { NOT_RUN, OPSET_CASES, type OpsetCase, WITHOUT_CASE } from './cases.ts';
import { VERSIONS } from './versions.ts';

function graphOf({ build, x = [2, 4, 5, 6] }: OpsetCase, opset: number): Graph {
  const b = new GraphBuilder({ opset, taken: ['image'] });
  const outputs = [build(b, 'image', opset)].flat();
  return {
    opset,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'image', dtype: DType.float, dims: x }],
    outputs: outputs.map(name => ({ name, dtype: 0, dims: [] })),
  };
}

async function outputsOf(graph: Graph, x: { data: Float32Array; shape: readonly number[] }): Promise<number[][]> {
  const session = await InferenceSession.create(encodeModel(graph), {
    logSeverityLevel: 4,
    graphOptimizationLevel: 'disabled',
  });
  try {
    const found = await session.run({ image: new Tensor('float32', x.data, x.shape) });
    return graph.outputs.map(({ name }) =>
      Array.from(found[name]!.data as ArrayLike<number | bigint | boolean>, Number),
    );
  } finally {
    await session.release();
  }
}

function runnable(op: string, opsets: readonly number[]): Set<number> {
  return new Set(opsets.filter(v => !NOT_RUN[op]?.includes(v)).map(v => Math.max(7, v)));
}

describe('every definition of an operator since opset 7 means the same after the upgrade', () => {
  for (const [op, opsets] of VERSIONS) {
    const found = OPSET_CASES[op];
    if (!found) continue;
    it(`${op} of ${opsets.join(', ')}`, async () => {
      for (const opset of runnable(op, opsets)) {
        const graph = graphOf(found, opset);
        if (op === 'Scan' && opset === 8) {
          expect(() => upgrade(graph, 'm.onnx')).toThrow(/Scan of opset 8 is not supported/);
          continue;
        }
        const x = images(op, found.x ?? [2, 4, 5, 6]);
        const want = await outputsOf(graph, x);
        const got = await outputsOf(upgrade(graph, 'm.onnx'), x);
        for (const [i, values] of want.entries()) {
          const scale = values.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 1e-6);
          const wrong = values.findIndex(
            (v, k) => !(Object.is(v, got[i]![k]) || Math.abs(v - got[i]![k]!) <= 1e-5 * scale),
          );
          expect(
            wrong < 0 ? '' : `output ${i} at ${wrong}: ${got[i]![wrong]} instead of ${values[wrong]}`,
            `opset ${opset}`,
          ).toBe('');
          expect(got[i]).toHaveLength(values.length);
        }
      }
    });
  }
});

it('every operator that changed has a case, or a reason why not', () => {
  const missing = [...VERSIONS.keys()].filter(op => !OPSET_CASES[op] && !WITHOUT_CASE[op]);
  expect(missing).toEqual([]);
});
