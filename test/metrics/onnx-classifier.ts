import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Classifier } from '../../src/core/contracts.ts';
import { tensor } from '../../src/core/tensor.ts';

/** Logits of a one-channel ONNX file as margins and scores, with nothing of the engine in between. */
export async function onnxClassifier(file: string, spatial: readonly [number, number]): Promise<Classifier> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  const size = spatial[0] * spatial[1];
  const model: Classifier = {
    id: file,
    input: { spatial, channels: 1 },
    classes: ['0', '1'],
    capabilities: new Set(),
    runtime: {
      engine: 'onnxruntime',
      engineVersion: '',
      device: 'cpu',
      microBatch: 16,
      workers: 0,
      threads: 1,
    },
    async scores(batch, { as }) {
      const scores = tensor([batch.count, 2]);
      for (let start = 0; start < batch.count; start += 16) {
        const n = Math.min(16, batch.count - start);
        const data = new Float32Array(n * size);
        for (let i = 0; i < n; i++) batch.write(start + i, data.subarray(i * size, (i + 1) * size));
        const feeds = { [input]: new OrtTensor('float32', data, [n, 1, ...spatial]) };
        const z = (await session.run(feeds))[output]!.data as Float32Array;
        for (let i = 0; i < n; i++) {
          for (const c of [0, 1]) {
            const margin = z[2 * i + c]! - z[2 * i + 1 - c]!;
            scores.data[2 * (start + i) + c] = as === 'margin' ? margin : as === 'logit' ? z[2 * i + c]! : Number.NaN;
          }
        }
      }
      return scores;
    },
    metered: () => model,
    close: () => session.release(),
  };
  return model;
}
