import { readFileSync } from 'node:fs';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { readNpy } from '../../../../src/core/npy.ts';
import { differentiate, type GradientGraph } from '../../../../src/engines/onnx/autodiff/index.ts';
import type { NormalisedModel } from '../../../../src/engines/onnx/load/load-model.ts';
import { session } from './harness.ts';

export interface Array4 {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A stored array as float32. */
export function load(file: string): Array4 {
  const { shape, data } = readNpy(readFileSync(file), file);
  return { shape, data: Float32Array.from(data as ArrayLike<number>) };
}

/** ‖a − b‖ / ‖b‖. */
export function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** Ones at each image's target class, [n, k]. */
function oneHot(targets: readonly number[], k: number): Array4 {
  const data = new Float32Array(targets.length * k);
  targets.forEach((t, i) => {
    data[i * k + t] = 1;
  });
  return { shape: [targets.length, k], data };
}

type Level = NonNullable<InferenceSession.SessionOptions['graphOptimizationLevel']>;

/** d (target's score) / d wrt, and the kept tensors, for the images of `x`. */
export async function gradients(
  model: NormalisedModel,
  x: Array4,
  targets: readonly number[],
  request: {
    readonly wrt?: string;
    readonly of?: string;
    readonly keep?: readonly string[];
    readonly level?: Level;
  } = {},
): Promise<{ gradient: Float32Array; kept: Record<string, Float32Array>; built: GradientGraph }> {
  const of = request.of ?? model.output;
  const { wrt = model.input, keep = [], level = 'all' } = request;
  const built = differentiate(model, { wrt, of, keep });
  const k = model.infos.get(of)!.dims[1]!;
  const s = await session(built.graph, { intraOpNumThreads: 2, graphOptimizationLevel: level });
  try {
    const size = x.data.length / x.shape[0]!;
    const step = model.dynamicBatch ? x.shape[0]! : 1;
    const gradient: Float32Array[] = [];
    const kept: Record<string, Float32Array[]> = {};
    for (let i = 0; i < x.shape[0]!; i += step) {
      const seed = oneHot(targets.slice(i, i + step), k);
      const images = new Tensor('float32', x.data.slice(i * size, (i + step) * size), [step, ...x.shape.slice(1)]);
      const out = await s.run({ [model.input]: images, [built.seed]: new Tensor('float32', seed.data, seed.shape) });
      gradient.push(Float32Array.from(out[built.gradient]!.data as Float32Array));
      for (const name of keep) {
        kept[name] ??= [];
        kept[name].push(Float32Array.from(out[name]!.data as Float32Array));
      }
    }
    const flat = (parts: Float32Array[]) => Float32Array.from(parts.flatMap(p => [...p]));
    return {
      gradient: flat(gradient),
      kept: Object.fromEntries(Object.entries(kept).map(([name, parts]) => [name, flat(parts)])),
      built,
    };
  } finally {
    await s.release();
  }
}

/** The tensor before a softmax or sigmoid at the graph's end. */
export function logitsOf(model: NormalisedModel): string {
  let at = model.output;
  for (;;) {
    const node = model.graph.nodes.find(n => n.outputs.includes(at));
    if (!node || !['Softmax', 'Sigmoid', 'Identity'].includes(node.op)) return at;
    at = node.inputs[0]!;
  }
}
