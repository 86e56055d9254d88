import { describe, expect, it } from 'vitest';
import type { OnnxDevice } from '../../../src/engines/onnx/devices/onnx-devices.ts';
import { DType, GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { Inspector } from '../../../src/engines/onnx/session/inspector.ts';
import type { Feed } from '../../../src/engines/onnx/session/onnx-messages.ts';
import type { OnnxPool } from '../../../src/engines/onnx/session/onnx-pool.ts';
import type { Program } from '../../../src/engines/onnx/session/programs.ts';

const DEVICE: OnnxDevice = { name: 'webgpu', provider: 'webgpu', hint: '' };

/** A program with a score, and a gradient whose name is the program's own. */
function program(): Program & { readonly gradients: readonly string[] } {
  const b = new GraphBuilder({ opset: 20, taken: ['image', 'score'] });
  b.nodes.push({ op: 'ReduceSum', domain: '', name: 'sum', inputs: ['image'], outputs: ['score'], attrs: {} });
  const gradient = b.op('Relu', ['image']);
  const image = { dtype: DType.float, dims: [null, 4] };
  return {
    graph: {
      opset: 20,
      nodes: b.nodes,
      constants: b.constants,
      inputs: [{ name: 'image', ...image }],
      outputs: [
        { name: 'score', dtype: DType.float, dims: [null, 1] },
        { name: gradient, ...image },
      ],
    },
    gradients: [gradient],
  };
}

/** What a pool computes: the device is off by so much, and the CPU's gradient moves by so much when the image does. */
function inspecting({ score = 0, gradient = 0, moves = 0 }): Promise<unknown> {
  const asked = program();
  const values = (scoreOff: number, gradientOff: number) => ({
    score: Float32Array.of(1 + scoreOff, 1),
    [asked.gradients[0]!]: new Float32Array(8).fill(1 + gradientOff),
  });
  let first: readonly number[] | undefined;
  const pool = {
    open: async () => undefined,
    drop: async () => undefined,
    run: async (session: string, feeds: readonly Feed[]) => {
      if (!session.includes('CPU')) return { outputs: values(score, gradient), returned: [] };
      const image = [...feeds[0]!.data];
      first ??= image;
      return { outputs: values(0, image.some((v, i) => v !== first![i]) ? moves : 0), returned: [] };
    },
    profile: async () => ({ count: 1, clocked: false, runs: [], nodes: [] }),
  };
  return new Inspector(pool as unknown as OnnxPool, DEVICE).inspect('gradient', asked);
}

describe('what a GPU computes', () => {
  it('may differ by rounding', async () => {
    await expect(inspecting({ score: 1e-5, gradient: 1e-3 })).resolves.toMatchObject({ optimise: true });
  });

  it("may differ in gradients as the CPU's own move when the image changes by rounding", async () => {
    await expect(inspecting({ gradient: 0.02, moves: 0.01 })).resolves.toMatchObject({ optimise: true });
  });

  it('is refused where it differs by more, in words that name nothing inner', async () => {
    const off = inspecting({ gradient: 0.02, moves: 0.001 });
    await expect(off).rejects.toThrow(
      "device 'webgpu' computes the gradient graph wrongly: it is off by 0.020 (relative L2) from the CPU's.",
    );
    await expect(inspecting({ gradient: 0.5, moves: 0.4 })).rejects.toMatchObject({ code: 'DEVICE' });
    await expect(inspecting({ gradient: Number.NaN, moves: 0.1 })).rejects.toMatchObject({ code: 'DEVICE' });
    await expect(inspecting({ gradient: 0.02, moves: Number.NaN })).rejects.toMatchObject({ code: 'DEVICE' });
  });

  it('is refused where scores differ, whatever gradients do', async () => {
    await expect(inspecting({ score: 0.01, moves: 0.1 })).rejects.toThrow(
      "computes 'score' of the gradient graph wrongly",
    );
  });
});
