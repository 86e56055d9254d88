import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { differentiate } from '../../../src/engines/onnx/autodiff/index.ts';
import { encodeByReference } from '../../../src/engines/onnx/graph/by-reference.ts';
import { attr, type Graph } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { readModelFile } from '../../../src/engines/onnx/load/file.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { createSession, type SessionSource } from '../../../src/engines/onnx/session/session-options.ts';
import { graphOf, images, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

/** Two convolutions of 16 channels, with kernels that are not symmetric, and one by group. */
function network(): Graph {
  return graphOf({
    input: [null, 1, 8, 8],
    build(b, image) {
      const conv = (x: string, name: string, dims: number[], pads: number[], group = 1) =>
        b.op('Conv', [x, b.constant(weights(name, dims))], { pads: attr.ints(pads), group: attr.int(group) });
      const first = b.op('Tanh', [conv(image, 'first', [16, 1, 3, 3], [1, 1, 1, 1])]);
      const second = b.op('Tanh', [conv(first, 'second', [24, 16, 3, 2], [1, 0, 1, 1])]);
      const third = b.op('Tanh', [conv(second, 'third', [24, 1, 3, 3], [1, 1, 1, 1], 24)]);
      const flat = b.op('Flatten', [b.op('GlobalAveragePool', [third])]);
      return [b.op('MatMul', [flat, b.constant(weights('out', [24, 2]))]), [null, 2]];
    },
  });
}

async function gradientOf(graph: Graph, hint: { file: string }) {
  const about = { ...hint, size: [8, 8], channels: 1, layout: 'NCHW', classes: 2 } as const;
  const model = await loadModel(graph, about);
  return differentiate(model, { wrt: model.input, of: model.output });
}

async function run(source: SessionSource, { seed, gradient }: { seed: string; gradient: string }) {
  const session: InferenceSession = await createSession(source, { logSeverityLevel: 4 });
  const image = session.inputNames.find(name => name !== seed)!;
  const results = await session.run({
    [image]: new Tensor('float32', images('flipped', [2, 8, 8, 1]).data, [2, 1, 8, 8]),
    [seed]: new Tensor('float32', Float32Array.of(1, -1, 0.5, 2), [2, 2]),
  });
  await session.release();
  return results[gradient]!.data as Float32Array;
}

describe('kernels of the convolution backwards', () => {
  it('are flipped when the session is opened where the weights lie in a file, and are not written anew', async () => {
    const file = folder.write('convolutions.onnx', network());
    const stored = await gradientOf(readModelFile(file), { file });
    const written = await gradientOf(network(), { file: 'none' });
    expect([...stored.graph.constants.keys()].filter(name => name.includes('flipped')).length).toBeLessThan(
      [...written.graph.constants.keys()].filter(name => name.includes('flipped')).length,
    );
    const source = encodeByReference(stored.graph);
    if (source instanceof Uint8Array) throw new Error('the weights were written');
    // The second kernels alone take 9 kB.
    expect(source.bytes.length).toBeLessThan(encodeModel(written.graph).length - 9000);
    const [got, want] = [await run(source, stored), await run(encodeModel(written.graph), written)];
    expect(got.some(v => Math.abs(v) > 1e-3)).toBe(true);
    got.forEach((v, i) => void expect(v).toBeCloseTo(want[i]!, 6));
  });
});
