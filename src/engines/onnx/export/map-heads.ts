import type { BackwardRules, Json, ScoreKind } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import type { Emitter } from '../autodiff/emit.ts';
import { attr } from '../graph/graph.ts';

/** Options of an explainer, as its own schema parsed them. */
export type MapOptions = { readonly score: ScoreKind } & Readonly<Record<string, unknown>>;

/** Tensors of a layer in the graph, and their axes. */
export interface LayerTensors {
  readonly activations: string;
  readonly gradients: string;
  readonly channelAxis: number;
  readonly spatialAxes: readonly number[];
}

/** A map that is made on a layer's grid, then enlarged. */
export interface LayerHead {
  readonly at: 'layer';
  /** Names the signed map, channels summed to one. */
  coarse(e: Emitter, layer: LayerTensors, options: MapOptions): string;
  /** Whether what speaks against the class is dropped. */
  relu(options: MapOptions): boolean;
}

/** A map that is made of a gradient at the image, or of what backward rules put in its place. */
export interface ImageHead {
  readonly at: 'image';
  rules?(options: MapOptions): BackwardRules;
  readonly baseline?: true;
  /** Names the map, channels summed to one, of the gradient and, where there is a baseline, of x − b. */
  map(e: Emitter, parts: { gradient: string; difference: string; channelAxis: number }, options: MapOptions): string;
}

/** The gradient along the straight path from the baseline, at fixed points. */
export interface PathHead {
  readonly at: 'path';
  readonly baseline: true;
}

export type MapHead = LayerHead | ImageHead | PathHead;

/** Σ_k w_k A_k with weights by channel, w [n, c, 1, 1]. */
const weighted = (e: Emitter, { activations, channelAxis }: LayerTensors, weights: string) =>
  e.sum(e.mul(weights, activations), [channelAxis]);

const summed: ImageHead['map'] = (e, { gradient, channelAxis }) => e.sum(gradient, [channelAxis]);

const timesDifference: ImageHead['map'] = (e, { gradient, difference, channelAxis }) =>
  e.sum(e.mul(gradient, difference), [channelAxis]);

/** Smaller sums and denominators, relative to the largest, are rounding: as the explainers have it. */
const VANISHING = 1e-7;

/** What makes the map of each explainer that is a fixed graph, by the explainer's name. */
export const MAP_HEADS: Readonly<Record<string, MapHead>> = {
  'grad-cam': {
    at: 'layer',
    relu: o => o.relu === true,
    coarse: (e, layer) => weighted(e, layer, e.mean(layer.gradients, layer.spatialAxes)),
  },
  'hires-cam': {
    at: 'layer',
    relu: o => o.relu === 'sum',
    coarse(e, { activations, gradients, channelAxis }, o) {
      const product = e.mul(gradients, activations);
      return e.sum(o.relu === 'each' ? e.op('Relu', [product]) : product, [channelAxis]);
    },
  },
  'layer-cam': {
    at: 'layer',
    relu: () => true,
    coarse: (e, { activations, gradients, channelAxis }) =>
      e.sum(e.mul(e.op('Relu', [gradients]), activations), [channelAxis]),
  },
  'xgrad-cam': {
    at: 'layer',
    relu: () => true,
    coarse(e, layer) {
      const { activations, gradients, spatialAxes } = layer;
      const total = e.sum(activations, spatialAxes);
      const vanishing = e.mul(e.sum(e.abs(activations), spatialAxes), VANISHING);
      const vanishes = e.op('LessOrEqual', [e.abs(total), vanishing]);
      const share = e.div(e.sum(e.mul(gradients, activations), spatialAxes), e.where(vanishes, 1, total));
      return weighted(e, layer, e.where(vanishes, 0, share));
    },
  },
  'grad-cam-plus-plus': {
    at: 'layer',
    relu: () => true,
    coarse(e, layer) {
      const { activations, gradients: g, spatialAxes, channelAxis } = layer;
      const square = e.square(g);
      const denominator = e.add(e.mul(square, 2), e.mul(e.mul(square, g), e.sum(activations, spatialAxes)));
      const size = e.abs(denominator);
      const largest = e.op('ReduceMax', [size, e.ints([channelAxis, ...spatialAxes])], { keepdims: attr.int(1) });
      const dropped = e.op('LessOrEqual', [size, e.mul(largest, VANISHING)]);
      const alpha = e.div(square, e.where(dropped, 1, denominator));
      const terms = e.where(dropped, 0, e.mul(alpha, e.op('Relu', [g])));
      return weighted(e, layer, e.sum(terms, spatialAxes));
    },
  },
  saliency: {
    at: 'image',
    map(e, { gradient, channelAxis }, o) {
      if (o.channels === 'maximum') {
        return e.op('ReduceMax', [e.abs(gradient), e.ints([channelAxis])], { keepdims: attr.int(1) });
      }
      const sum = e.sum(gradient, [channelAxis]);
      return o.signed === true ? sum : e.abs(sum);
    },
  },
  'input-x-gradient': {
    at: 'image',
    baseline: true,
    map: timesDifference,
  },
  'integrated-gradients': { at: 'path', baseline: true },
  'guided-backprop': { at: 'image', rules: () => ({ name: 'guided-backprop' }), map: summed },
  deconvnet: { at: 'image', rules: () => ({ name: 'deconvnet' }), map: summed },
  deeplift: {
    at: 'image',
    rules({ background }) {
      if (background === 0) return { name: 'deeplift' };
      throw new CtXaiError('USAGE', 'deeplift with a background is no part of a graph here.', {
        hint: 'Leave background out: the baseline is then the reference.',
      });
    },
    baseline: true,
    map: timesDifference,
  },
  lrp: {
    at: 'image',
    rules({ score: _, ...options }) {
      const given = Object.entries(options).filter(([, value]) => value !== undefined);
      return { name: 'lrp', options: Object.fromEntries(given) as Record<string, Json> };
    },
    map: summed,
  },
};
