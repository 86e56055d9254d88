import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { createRng } from '../../../../src/core/rng.ts';
import { sizeOf } from '../../../../src/core/tensor.ts';
import { encodeModel } from '../../../../src/engines/onnx/graph/proto.ts';
import { ARCHITECTURES } from '../../../../src/engines/onnx/training/architectures.ts';
import { trainGraph } from '../../../../src/engines/onnx/training/train-graph.ts';

const shape = { channels: 1, size: [32, 32] as const, classes: 2 };

test.each(['cnn', 'densenet'])('%s: every parameter’s gradient against central differences of the loss', async name => {
  const built = ARCHITECTURES.get(name)!(shape);
  const { graph, target, trained, logits } = trainGraph(built);
  const session = await InferenceSession.create(encodeModel(graph));
  const rng = createRng(name);
  const n = 6;
  const targets = Float32Array.from({ length: n * 2 }, (_, i) => (((i >> 1) + i) % 2 === 0 ? 0.9 : 0.1) / n);
  const image = new Tensor(
    'float32',
    Float32Array.from({ length: n * 1024 }, () => rng.normal()),
    [n, 1, 32, 32],
  );
  const feeds: Record<string, Tensor> = { image, [target]: new Tensor('float32', targets, [n, 2]) };
  for (const p of built.network.parameters) {
    const values = Float32Array.from({ length: sizeOf(p.dims) }, () => {
      if (p.kind === 'scale' || p.kind === 'running-variance') return 1 + 0.2 * rng.normal();
      return rng.normal() * (p.kind === 'weight' ? Math.sqrt(2 / sizeOf(p.dims.slice(1))) : 0.2);
    });
    feeds[p.name] = new Tensor('float32', values, p.dims);
  }
  const loss = async (): Promise<number> => {
    const z = (await session.run(feeds, [logits]))[logits]!.data as Float32Array;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const [a, b] = [z[2 * i]!, z[2 * i + 1]!];
      const log = Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
      sum += targets[2 * i]! * (log - a) + targets[2 * i + 1]! * (log - b);
    }
    return sum;
  };
  const outputs = await session.run(feeds);
  // The first and the last of each kind: every rule and every depth.
  const kinds = ['weight', 'scale', 'bias'].map(kind => trained.filter(t => t.parameter.kind === kind));
  for (const { parameter, gradient } of kinds.flatMap(all => [all[0]!, all[1]!, all.at(-1)!])) {
    const g = outputs[gradient]!.data as Float32Array;
    const norm = Math.hypot(...g);
    expect(outputs[gradient]!.dims).toEqual([...parameter.dims]);
    if (norm < 1e-5) continue;
    // Along the gradient the loss rises by h · |g|.
    const values = feeds[parameter.name]!.data as Float32Array;
    const start = values.slice();
    const h = 2e-3;
    const at = async (t: number) => {
      for (let i = 0; i < values.length; i++) values[i] = start[i]! + (t * g[i]!) / norm;
      return loss();
    };
    const slope = ((await at(h)) - (await at(-h))) / (2 * h);
    values.set(start);
    expect(Math.abs(slope - norm) / norm, parameter.name).toBeLessThan(0.05);
  }
});
