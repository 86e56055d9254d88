import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { resizeBilinear } from '../../../src/core/image/resize.ts';
import { readNpy } from '../../../src/core/npy.ts';
import { filled, type Tensor, tensor } from '../../../src/core/tensor.ts';

/** A small network with its two images; README.md says what the fields mean. */
export interface ReferenceModel {
  readonly file: string;
  readonly images: string;
  readonly side: number;
  readonly classes: number;
  /** The class explained, by image. */
  readonly targets: readonly number[];
  readonly logits: string;
  readonly 'gradient-logit': string;
  readonly 'gradient-margin': string;
  /** The CAM layer's tensor in the ONNX file; absent: the network has none. */
  readonly layer?: string;
  /** A second, earlier layer that references of the variant `earlier` take. */
  readonly earlierLayer?: string;
  readonly activations?: string;
  readonly 'layer-gradient-logit'?: string;
  readonly 'layer-gradient-margin'?: string;
}

/** Maps of one explainer on both images of a model, by another tool or by the formula. */
export interface Reference {
  readonly explainer: string;
  /** What sets it apart from the explainer's other references; '' for the plain one. */
  readonly variant: string;
  readonly model: string;
  readonly score: 'logit' | 'margin';
  /** The tool with its version, or `formula`: our own plain PyTorch or NumPy. */
  readonly by: string;
  readonly call: string;
  /** [2, 1, h, w]; absent where only `raw` is stored. */
  readonly map?: string;
  /** Maps on the layer's grid, before ReLU and enlarging, where the explainer has them. */
  readonly raw?: string;
  /** Whether `map` keeps the signs of `raw`; else it is what ReLU leaves. */
  readonly signed?: boolean;
  readonly layer?: string;
  readonly layers?: readonly string[];
  readonly baseline?: 'zero';
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** What was drawn at random, as arrays. */
  readonly draws?: Readonly<Record<string, string>>;
  /** Numbers that belong to the maps, by image: sums, score differences … */
  readonly values?: Readonly<Record<string, readonly number[]>>;
  /** Σ R of the relevance at tensors of the ONNX file, by image. */
  readonly layerSums?: Readonly<Record<string, readonly number[]>>;
  /** Relative L2 of the map as the tool gives it from the right one, where the tool errs, and why it does. */
  readonly tool?: { readonly by: string; readonly relativeL2: readonly number[]; readonly because: string };
  readonly note?: string;
}

/** Captum's value of a metric for one explainer's maps, by image. */
export interface MetricReference {
  readonly metric: string;
  readonly variant?: string;
  readonly explainer: string;
  readonly model: string;
  readonly score: 'logit' | 'margin';
  readonly by: string;
  readonly call: string;
  readonly draws: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

const root = new URL('./', import.meta.url);
const index: {
  readonly models: Readonly<Record<string, ReferenceModel>>;
  readonly references: readonly Reference[];
  readonly metrics: readonly MetricReference[];
} = JSON.parse(readFileSync(new URL('index.json', root), 'utf8'));

export const referenceModels = index.models;

/** The references of an explainer, all models. */
export const referencesOf = (explainer: string): readonly Reference[] =>
  index.references.filter(r => r.explainer === explainer);

/** The references of a metric, all models. */
export const metricReferencesOf = (metric: string): readonly MetricReference[] =>
  index.metrics.filter(r => r.metric === metric);

/** Every file that the index names, sorted. */
export function referenceFiles(): string[] {
  const strings = (value: unknown): string[] => {
    if (typeof value === 'string') return [value];
    return value !== null && typeof value === 'object' ? Object.values(value).flatMap(strings) : [];
  };
  return [...new Set(strings(index).filter(s => /\.(npy|onnx)$/.test(s)))].sort();
}

/** An array of the set, by the file's name. */
export function referenceArray(file: string) {
  return readNpy(readFileSync(new URL(file, root)), file);
}

/** Item `i` of a float32 array along its first axis, as [h, w] where it is [1, h, w]. */
export function referenceItem(file: string, i: number): Tensor {
  const { shape, data } = referenceArray(file);
  const item = shape.slice(1);
  const size = item.reduce((a, b) => a * b, 1);
  const values = (data as Float32Array).slice(i * size, (i + 1) * size);
  return tensor(item.length === 3 && item[0] === 1 ? item.slice(1) : item, values);
}

/**
 * The map [h, w] of image `i`: as stored, or `raw` through ReLU (unless it is signed) and bilinear enlarging.
 * @throws Error where the reference has no maps.
 */
export function referenceMap({ explainer, model, map, raw, signed }: Reference, i: number): Tensor {
  if (map !== undefined) return referenceItem(map, i);
  if (raw === undefined) throw new Error(`the reference of ${explainer} on ${model} has no maps`);
  const { side } = index.models[model]!;
  const { shape, data } = referenceItem(raw, i);
  const coarse = tensor(shape, signed === true ? data : data.map(v => Math.max(0, v)));
  return resizeBilinear(coarse, [side, side], { antialias: false });
}

/** Image `i` of a model, [h, w, 1] in input space. */
export function referenceImage({ images, side }: ReferenceModel, i: number): Tensor {
  return tensor([side, side, 1], referenceItem(images, i).data);
}

/** The baseline of all references that have one: zero in input space. */
export const referenceBaseline = ({ side }: ReferenceModel): Tensor => filled([side, side, 1], 0);

/** A card for a reference model: logits, one channel, values as they are. */
export function referenceCard(name: string): ModelCard {
  const { file, side, classes, layer } = index.models[name]!;
  return {
    id: name,
    file: fileURLToPath(new URL(file, root)),
    origin: file,
    format: 'onnx',
    task: 'softmax',
    emits: 'logits',
    explainAt: 'logits',
    classes: Array.from({ length: classes }, (_, c) => `class-${c}`),
    input: { size: [side, side], channels: 1, layout: 'NCHW' },
    intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
    resize: { antialias: true, fit: 'stretch' },
    ...(layer === undefined ? {} : { camLayer: layer }),
  };
}
