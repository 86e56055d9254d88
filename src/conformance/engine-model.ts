import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FullClassifier, ModelCard } from '../core/contracts/index.ts';
import { createRng } from '../core/rng.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { smoothModel, smoothParameters } from './models.ts';
import { onnxBytes } from './onnx-bytes.ts';

const SPEC = { height: 7, width: 9, channels: 3, filters: 4, classes: 3, seed: 'engines' } as const;

/** A model file, images for it, and what its numbers must be. */
export interface EngineModel {
  readonly card: ModelCard;
  /** [n, h, w, c] */
  readonly images: Tensor;
  /** The same network by formula, with its exact derivatives. */
  readonly reference: FullClassifier;
}

/** Writes the smooth network of the other suites into a folder, as a file that engines open. */
export function engineModel(format: ModelCard['format'], folder: string): EngineModel {
  const { height, width, channels, classes } = SPEC;
  const reference = smoothModel(SPEC);
  const rng = createRng('images for engines');
  const images = tensor([3, height, width, channels]);
  for (let i = 0; i < images.data.length; i++) images.data[i] = rng.normal();
  const written: Record<string, string | Uint8Array> = format === 'onnx' ? { 'model.onnx': onnxFile() } : layersFiles();
  for (const [name, content] of Object.entries(written)) writeFileSync(join(folder, name), content);
  const file = join(folder, Object.keys(written)[0]!);
  return {
    reference,
    images,
    card: {
      ...{ id: 'conformance', file, origin: file, format, task: 'softmax', emits: 'logits', explainAt: 'logits' },
      classes: Array.from({ length: classes }, (_, c) => `class-${c}`),
      input: { size: [height, width], channels, layout: format === 'onnx' ? 'NCHW' : 'NHWC' },
      intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
      resize: { antialias: true, fit: 'stretch' },
    },
  };
}

function onnxFile(): Uint8Array {
  const { height, width, channels, filters, classes } = SPEC;
  const { kernel, bias, mix, head } = smoothParameters(SPEC);
  return onnxBytes({
    input: { name: 'image', dims: [channels, height, width] },
    output: { name: 'scores', dims: [classes] },
    weights: {
      kernel: { dims: [filters, channels, 3, 3], data: channelsFirst(kernel) },
      bias: { dims: [filters], data: bias },
      mix: { dims: [filters, filters], data: mix },
      head: { dims: [classes, filters], data: head },
    },
    nodes: [
      { op: 'Conv', inputs: ['image', 'kernel', 'bias'], output: 'filtered', attributes: { pads: [1, 1, 1, 1] } },
      { op: 'Tanh', inputs: ['filtered'], output: 'features' },
      { op: 'GlobalAveragePool', inputs: ['features'], output: 'pooled' },
      { op: 'Flatten', inputs: ['pooled'], output: 'means' },
      { op: 'Gemm', inputs: ['means', 'mix'], output: 'mixed', attributes: { transB: 1 } },
      { op: 'Tanh', inputs: ['mixed'], output: 'hidden' },
      { op: 'Gemm', inputs: ['hidden', 'head'], output: 'scores', attributes: { transB: 1 } },
    ],
  });
}

/** model.json of TF.js, and the weights beside it. */
function layersFiles(): Record<string, string | Uint8Array> {
  const { height, width, channels, filters, classes } = SPEC;
  const { kernel, bias, mix, head } = smoothParameters(SPEC);
  const layers = [
    ['Conv2D', { name: 'features', filters, kernel_size: 3, padding: 'same', activation: 'tanh' }],
    ['GlobalAveragePooling2D', { name: 'means' }],
    ['Dense', { name: 'hidden', units: filters, activation: 'tanh', use_bias: false }],
    ['Dense', { name: 'scores', units: classes, use_bias: false }],
  ] as const;
  const input = { batch_input_shape: [null, height, width, channels] };
  const list = layers.map(([class_name, config], i) => ({
    class_name,
    config: { ...(i === 0 ? input : {}), ...config },
  }));
  const weights: [name: string, shape: readonly number[], data: Float64Array][] = [
    ['features/kernel', [3, 3, channels, filters], kernel],
    ['features/bias', [filters], bias],
    ['hidden/kernel', [filters, filters], transposed(mix, filters, filters)],
    ['scores/kernel', [filters, classes], transposed(head, classes, filters)],
  ];
  const json = {
    format: 'layers-model',
    modelTopology: { class_name: 'Sequential', config: { name: 'conformance', layers: list } },
    weightsManifest: [
      { paths: ['weights.bin'], weights: weights.map(([name, shape]) => ({ name, shape, dtype: 'float32' })) },
    ],
  };
  const data = Float32Array.from(weights.flatMap(([, , values]) => [...values]));
  return { 'model.json': JSON.stringify(json), 'weights.bin': new Uint8Array(data.buffer) };
}

/** [3, 3, channels, filters] → [filters, channels, 3, 3] */
function channelsFirst(kernel: Float64Array): Float64Array {
  const { channels, filters } = SPEC;
  return Float64Array.from(kernel, (_, i) => {
    const [tap, channel, filter] = [i % 9, Math.floor(i / 9) % channels, Math.floor(i / (9 * channels))];
    return kernel[(tap * channels + channel) * filters + filter]!;
  });
}

/** A row-major matrix turned over. */
function transposed(m: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(m, (_, i) => m[(i % rows) * columns + Math.floor(i / rows)]!);
}
