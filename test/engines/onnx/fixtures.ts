import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { npyTensor, readNpy } from '../../../src/core/npy.ts';
import { createRng } from '../../../src/core/rng.ts';
import { sizeOf, type Tensor, tensor } from '../../../src/core/tensor.ts';
import {
  attr,
  type Constant,
  constant,
  DType,
  type Graph,
  GraphBuilder,
} from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { camCandidates } from '../../../src/engines/onnx/layers/cam-candidates.ts';
import { layersOf } from '../../../src/engines/onnx/layers/layers-of.ts';
import { measureGrids, type OpenGraph } from '../../../src/engines/onnx/layers/measure-grids.ts';
import type { NormalisedModel } from '../../../src/engines/onnx/load/load-model.ts';
import type { Feed } from '../../../src/engines/onnx/session/onnx-messages.ts';
import type { LayerMap } from '../../../src/engines/shared/layer-map.ts';

export const goldenFolder = fileURLToPath(new URL('../../golden/', import.meta.url));

export function golden(name: string): Tensor {
  return npyTensor(readNpy(readFileSync(join(goldenFolder, name)), name));
}

/** [n, c, h, w] → [n, h, w, c] */
export function channelsLast({ shape, data }: Tensor): Tensor {
  const [n, c, h, w] = shape as [number, number, number, number];
  const out = tensor([n, h, w, c]);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < c; k++) {
      for (let p = 0; p < h * w; p++) out.data[(i * h * w + p) * c + k] = data[(i * c + k) * h * w + p]!;
    }
  }
  return out;
}

export function cardFor(file: string, change: Partial<ModelCard> & { classes: readonly string[] }): ModelCard {
  return {
    id: 'test-model',
    file,
    origin: file,
    format: 'onnx',
    task: 'softmax',
    emits: 'logits',
    explainAt: 'logits',
    input: { size: [8, 8], channels: 1, layout: 'NCHW' },
    intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
    resize: { antialias: true, fit: 'stretch' },
    ...change,
  };
}

/** A folder of its own for a test file's models. */
export function temporary(): { readonly path: string; write(name: string, graph: Graph): string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ct-xai-onnx-'));
  return {
    path,
    write(name, graph) {
      const file = join(path, name);
      writeFileSync(file, encodeModel(graph));
      return file;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Weights from a seed, of standard deviation `scale`. */
export function weights(label: string, dims: readonly number[], scale = 0.5): Constant {
  const rng = createRng(label);
  return constant.float(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => rng.normal() * scale),
  );
}

export function images(label: string, shape: readonly number[]): Tensor {
  return tensor(shape, weights(label, shape, 1).data as Float32Array);
}

export interface Body {
  readonly opset?: number;
  readonly input: readonly (number | null)[];
  /** Adds the network; returns its output and that output's dims. */
  build(b: GraphBuilder, x: string): [output: string, dims: readonly (number | null)[]];
}

/** A graph from input `image` to what `build` returns. */
export function graphOf({ opset = 17, input, build }: Body): Graph {
  const b = new GraphBuilder({ opset, taken: ['image'] });
  const [output, dims] = build(b, 'image');
  return {
    opset,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'image', dtype: DType.float, dims: input }],
    outputs: [{ name: output, dtype: DType.float, dims }],
  };
}

/** Conv – smooth activation – global pool – linear: small, and differentiable everywhere. */
export function smallNet(options: {
  channels?: number;
  units?: number;
  layout?: 'NCHW' | 'NHWC';
  batch?: number | null;
  tail?: string;
  size?: number;
}): Graph {
  const { channels = 1, units = 3, layout = 'NCHW', batch = null, tail, size = 8 } = options;
  return graphOf({
    input: layout === 'NCHW' ? [batch, channels, size, size] : [batch, size, size, channels],
    build(b, image) {
      const x = layout === 'NCHW' ? image : b.op('Transpose', [image], { perm: attr.ints([0, 3, 1, 2]) });
      const w = b.constant(weights('conv', [6, channels, 3, 3]));
      const conv = b.op('Conv', [x, w, b.constant(weights('bias', [6]))], { pads: attr.ints([1, 1, 1, 1]) });
      const pooled = b.op('GlobalAveragePool', [b.op('Softplus', [conv])]);
      const shape = b.constant(constant.ints([batch ?? -1, 6]));
      const flat = b.op('Reshape', [pooled, shape]);
      const z = b.op('Gemm', [flat, b.constant(weights('head', [6, units], 2)), b.constant(weights('b', [units]))]);
      return [tail ? b.op(tail, [z]) : z, [batch, units]];
    },
  });
}

/** What ONNX Runtime itself makes of a graph, in its own opset. */
export async function runRaw(graph: Graph, x: Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(encodeModel(graph), { logSeverityLevel: 4 });
  try {
    const results = await session.run({ [graph.inputs[0]!.name]: new OrtTensor('float32', x.data, x.shape) });
    return Float32Array.from(results[graph.outputs[0]!.name]!.data as Float32Array);
  } finally {
    await session.release();
  }
}

/** Opens graphs in this thread, for what runs them a few times. */
export const openGraph: OpenGraph = async graph => {
  const session = await InferenceSession.create(encodeModel(graph), { logSeverityLevel: 4 });
  const run = async (feeds: readonly Feed[]) => {
    const given = Object.fromEntries(feeds.map(f => [f.name, new OrtTensor('float32', f.data, f.dims)]));
    const results = await session.run(given);
    return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, t.data as Float32Array]));
  };
  return Object.assign(run, { close: () => session.release() });
};

/** A model's layers, measured. */
export async function layersMeasured(
  model: NormalisedModel,
  { size, channels, layout }: Pick<ModelCard['input'], 'size' | 'channels' | 'layout'>,
  camLayer?: string,
): Promise<LayerMap> {
  const { input, intensity } = cardFor('m.onnx', { classes: ['a', 'b'], input: { size, channels, layout } });
  const grids = await measureGrids(model, { input, intensity }, openGraph);
  const candidates = await camCandidates(model, grids, { input, intensity }, openGraph);
  return layersOf(model, { grids, candidates }, camLayer);
}

/** Largest difference, relative to the largest value. */
export function difference(got: Float32Array, want: Float32Array): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  const scale = want.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
  return got.reduce((m, v, i) => Math.max(m, Number.isNaN(v) ? Infinity : Math.abs(v - want[i]!)), 0) / scale;
}
