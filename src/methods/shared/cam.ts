import { z } from 'zod';
import { imageBatch } from '../../core/batch.ts';
import {
  type Activations,
  type Attribution,
  type Classifier,
  type ExplainContext,
  type ImageContext,
  isUndefined,
  type LayerGradients,
  type LayerValues,
  type ScoreKind,
  type Undefined,
  undefinedBecause,
} from '../../core/contracts/index.ts';
import { resizeBilinear, resizeNearest } from '../../core/image/resize.ts';
import { planar, type Tensor, tensor } from '../../core/tensor.ts';
import { type LayerChoice, layerOption, resolveLayers } from './layers.ts';
import { scoreOption } from './options.ts';

/** Options of every explainer that weighs a layer's activations by its gradients. */
export const camOptions = { layer: layerOption, score: scoreOption('margin') };

export interface CamOptions {
  readonly layer?: LayerChoice;
  readonly score: ScoreKind;
}

type CamContext = Pick<
  ExplainContext<readonly ['layers'], CamOptions>,
  'model' | 'image' | 'target' | 'options' | 'signal'
>;

/** Activations A and gradients g = ∂ score / ∂ A of one layer and image, [pixels, channels] row by row. */
export interface LayerPair {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly activations: Float32Array;
  readonly gradients: Float32Array;
}

/** Activations of one layer and image, [pixels, channels] row by row. */
export type LayerGrid = Omit<LayerPair, 'gradients'> & { readonly layer: string };

/** What a layer's activations and gradients make: the signed map on the layer's grid, and numbers about it. */
export interface CoarseMap {
  readonly map: Tensor;
  readonly diagnostics?: Readonly<Record<string, number>>;
  /** What the user should know of it. */
  readonly notes?: Readonly<Record<string, string>>;
}

/**
 * A class activation map: `coarse` on each layer that the options choose, what speaks against the class dropped where
 * `relu`, several layers fused, then enlarged.
 *
 * Undefined where a layer has no pixels, and where the map is zero everywhere.
 */
export async function gradientCam(
  { model, image, target, options, signal }: CamContext,
  coarse: (pair: LayerPair) => CoarseMap,
  finish: FinishOptions = {},
): Promise<Attribution | Undefined> {
  const names = await resolveLayers(model, options.layer);
  if (isUndefined(names)) return names;
  const asked = { class: target.class, score: options.score };
  const layers = await model.layerGradients(imageBatch(image), asked, names, { signal });
  const pairs = layers.map(pairOf);
  for (const pair of pairs) if (isUndefined(pair)) return pair;
  const maps = (pairs as LayerPair[]).map(coarse);
  const cam = finishCam(
    layers.map(({ layer }, i) => ({ layer, map: maps[i]!.map })),
    model.input.spatial,
    finish,
  );
  const [first, ...others] = maps;
  if (isUndefined(cam) || others.length > 0) return cam;
  const { diagnostics, notes } = first!;
  return { ...cam, ...(diagnostics ? { diagnostics } : {}), notes: { ...cam.notes, ...notes } };
}

/**
 * The same of activations alone: `coarse` makes a map of each layer that the options choose, and may ask the model for
 * more.
 */
export async function activationCam(
  {
    model,
    image,
    options,
    signal,
  }: Pick<ImageContext, 'image' | 'signal'> & {
    readonly model: Classifier & Activations;
    readonly options: { readonly layer?: LayerChoice };
  },
  coarse: (grid: LayerGrid) => Promise<CoarseMap | Undefined>,
  finish: FinishOptions = {},
): Promise<Attribution | Undefined> {
  const names = await resolveLayers(model, options.layer);
  if (isUndefined(names)) return names;
  const maps: { layer: string; map: Tensor }[] = [];
  let diagnostics: CoarseMap['diagnostics'];
  for (const values of await model.activations(imageBatch(image), names, { signal })) {
    const grid = gridOf(values);
    const made = isUndefined(grid) ? grid : await coarse(grid);
    if (isUndefined(made)) return made;
    maps.push({ layer: values.layer, map: made.map });
    diagnostics = made.diagnostics;
  }
  const cam = finishCam(maps, model.input.spatial, finish);
  return isUndefined(cam) || !diagnostics || maps.length > 1 ? cam : { ...cam, diagnostics };
}

function gridOf({
  layer,
  activations,
  notSpatial,
  spatial = activations.shape.length === 4,
}: LayerValues): LayerGrid | Undefined {
  const [, height = 0, width = 0, channels = 0] = activations.shape;
  if (!spatial) {
    const why = notSpatial === undefined ? '' : `, and ${notSpatial}`;
    const shape = activations.shape.slice(1).join(', ');
    return undefinedBecause(
      `layer '${layer}' has no pixels: its shape is [${shape}]${why}. 'ct-xai explain --list-layers' lists those that have`,
    );
  }
  return { layer, height, width, channels, activations: activations.data };
}

function pairOf(values: LayerGradients): LayerPair | Undefined {
  const grid = gridOf(values);
  return isUndefined(grid) ? grid : { ...grid, gradients: values.gradients.data };
}

/** Σ_k w_k A_k, weights by channel. */
export function weightedActivations(pair: Omit<LayerPair, 'gradients'>, weights: ArrayLike<number>): Tensor {
  const { channels, activations: a } = pair;
  return perPixel(pair, p => {
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += weights[k]! * a[p * channels + k]!;
    return sum;
  });
}

/** Grad-CAM's map: activations weighted by their mean gradients. */
export function meanGradientMap(pair: LayerPair): CoarseMap {
  const area = pair.height * pair.width;
  const weights = channelSums(pair, gradient => gradient / area);
  return { map: weightedActivations(pair, weights) };
}

/** Σ_k of a function of a cell's gradient and activation. */
export function summedCells(pair: LayerPair, value: (gradient: number, activation: number) => number): Tensor {
  const { channels, activations, gradients } = pair;
  return perPixel(pair, p => {
    let sum = 0;
    for (let i = p * channels; i < (p + 1) * channels; i++) sum += value(gradients[i]!, activations[i]!);
    return sum;
  });
}

/** By channel, the sum over pixels of a function of a cell's gradient and activation. */
export function channelSums(
  { channels, activations, gradients }: LayerPair,
  value: (gradient: number, activation: number, channel: number) => number,
): Float64Array {
  const sums = new Float64Array(channels);
  for (let i = 0; i < activations.length; i++) {
    const k = i % channels;
    sums[k]! += value(gradients[i]!, activations[i]!, k);
  }
  return sums;
}

function perPixel({ height, width }: Omit<LayerPair, 'gradients'>, value: (p: number) => number): Tensor {
  return tensor(
    [height, width],
    Float32Array.from({ length: height * width }, (_, p) => value(p)),
  );
}

export const interpolationOption = z
  .enum(['bilinear', 'nearest', 'nearest-corner'])
  .default('bilinear')
  .describe(
    "how the map is enlarged; a pixel's nearest cell is that of its centre, or of its upper left corner (Captum)",
  );

export interface FinishOptions {
  /** Drop what speaks against the class. Default: true. */
  readonly relu?: boolean;
  /** How the map is enlarged. Default: bilinear. */
  readonly interpolation?: z.output<typeof interpolationOption>;
  /** Maps of several layers, after ReLU, to one scale; the default divides by the largest absolute value. */
  readonly scale?: (map: Tensor) => Tensor;
  /** How scaled maps of one grid are fused, pixel by pixel. Default: their mean. */
  readonly fuse?: (values: readonly number[]) => number;
}

/**
 * Signed maps of layers as one map on the model's grid. Several layers are scaled, enlarged to the finest of their grids
 * and fused.
 */
export function finishCam(
  layers: readonly { readonly layer: string; readonly map: Tensor }[],
  spatial: readonly number[],
  { relu = true, interpolation = 'bilinear', scale = byLargest, fuse = mean }: FinishOptions = {},
): Attribution | Undefined {
  const positive = ({ shape, data }: Tensor): Tensor =>
    relu ? { shape, data: data.map(v => Math.max(0, v)) } : { shape, data };
  const maps = layers.map(({ map }) => positive(map));
  const names = layers.map(({ layer }) => layer);
  if (maps.every(({ data }) => data.every(v => v === 0))) {
    const where = names.length === 1 ? `layer '${names[0]}'` : `layers '${names.join("', '")}'`;
    return undefinedBecause(`the map of ${where} is zero everywhere`);
  }
  const coarse = maps.length === 1 ? maps[0]! : fused(maps.map(scale), fuse);
  const enlarged =
    interpolation === 'bilinear'
      ? resizeBilinear(coarse, planar(spatial), { antialias: false })
      : resizeNearest(coarse, planar(spatial), interpolation === 'nearest' ? 'centre' : 'corner');
  return {
    map: enlarged,
    ...(layers.length === 1 ? { layerMap: layers[0]!.map } : {}),
    notes: { layer: names.join(', '), grid: coarse.shape.join(' × ') },
  };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function byLargest({ shape, data }: Tensor): Tensor {
  const largest = data.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return { shape, data: largest > 0 ? data.map(v => v / largest) : data };
}

function fused(maps: readonly Tensor[], fuse: (values: readonly number[]) => number): Tensor {
  const finest = [0, 1].map(axis => Math.max(...maps.map(m => m.shape[axis]!))) as [number, number];
  const enlarged = maps.map(m => resizeBilinear(m, finest, { antialias: false }).data);
  return tensor(
    finest,
    enlarged[0]!.map((_, p) => fuse(enlarged.map(data => data[p]!))),
  );
}
