import { DType } from '../../graph/graph.ts';
import { defineRule, type Rule } from '../rule.ts';
import type { Site } from '../site.ts';
import type { AddedBias } from './lrp-bias.ts';

/**
 * How a layer with weights shares its relevance R among its inputs. Every rule but `epsilon` runs the layer again with
 * parts of its input and of its weights, z = Σ_k layer(x_k, w_k, b_k), and gives x_k · layerᵀ(R/z, w_k).
 */
export type LayerRule =
  | { readonly kind: 'epsilon'; readonly epsilon: number }
  | { readonly kind: 'flat' }
  | { readonly kind: 'alpha-beta'; readonly alpha: number; readonly beta: number }
  | { readonly kind: 'gamma'; readonly gamma: number }
  | { readonly kind: 'box'; readonly low: number; readonly high: number };

/** Keeps denominators off 0. */
const STABILISER = 1e-6;

/** z + ε·sign z, with sign 0 = 1. */
export function stabilised(site: Site, z: string, epsilon = STABILISER): string {
  const { e } = site;
  return e.add(z, e.where(e.less(z, 0), -epsilon, epsilon));
}

/**
 * R_i = x_i Σ_j w_ij R_j / z_j for whatever is linear in its inputs: x ⊙ (its derivative with R/z in g's place).
 * @param sum z, where it is not the output
 */
export function shares(standard: Rule, epsilon = STABILISER, sum?: string): Rule {
  return defineRule(
    standard.operators,
    site => {
      const given = site.gradients.map((g, i) => g && site.e.div(g, stabilised(site, sum ?? site.y(i), epsilon)));
      const through = standard.differentiate(site.at({ gradients: given }));
      return through.map((adjoint, i) => adjoint && (() => times(site, site.x(i), adjoint())));
    },
    { manyOutputs: standard.manyOutputs },
  );
}

function times(site: Site, x: string, g: string | undefined): string | undefined {
  return g === undefined ? undefined : site.e.mul(x, g);
}

/** One run of the layer: its input, weights and bias, and how its result counts. */
interface Term {
  readonly x: string;
  readonly w: string;
  readonly b?: string;
}

const POSITIVE = (v: number) => Math.max(0, v);
const NEGATIVE = (v: number) => Math.min(0, v);

/** The rule of a convolution (or, for the first layer, of any layer with constant weights). */
export function weightedRule(
  standard: Rule,
  rule: LayerRule,
  nonNegative: (name: string) => boolean,
  added?: AddedBias,
): Rule {
  if (rule.kind === 'epsilon') return shares(standard, rule.epsilon, added?.sum);
  return defineRule(standard.operators, site => {
    const layer = new WeightedLayer(site, standard, nonNegative(site.x()), added);
    return [() => BY_KIND[rule.kind](layer, rule as never)];
  });
}

const BY_KIND: {
  readonly [K in Exclude<LayerRule['kind'], 'epsilon'>]: (
    layer: WeightedLayer,
    rule: Extract<LayerRule, { kind: K }>,
  ) => string;
} = {
  /** Every input of a window gets the same. */
  flat(layer) {
    const { e } = layer.site;
    const ones = e.filledLike(layer.site.x(), 1);
    const w = layer.weights(() => 1);
    return layer.back(layer.quotient([{ x: ones, w }]), w);
  },
  'alpha-beta'(layer, { alpha, beta }) {
    const { e } = layer.site;
    const positive = e.mul(layer.share(layer.terms(POSITIVE, NEGATIVE)), alpha);
    if (beta === 0) return positive;
    return e.sub(positive, e.mul(layer.share(layer.terms(NEGATIVE, POSITIVE)), beta));
  },
  gamma(layer, { gamma }) {
    const { e, g } = layer.site;
    const more = (v: number) => v + gamma * POSITIVE(v);
    const less = (v: number) => v + gamma * NEGATIVE(v);
    const z = layer.z;
    const above = e.where(e.greater(z, 0), g, 0);
    const below = e.where(e.less(z, 0), g, 0);
    return e.add(layer.share(layer.terms(more, less), above), layer.share(layer.terms(less, more), below));
  },
  /** Montavon et al. 2017, z^B. */
  box(layer, { low, high }) {
    const { site } = layer;
    const { e } = site;
    const filled = (value: number) => e.filledLike(site.x(), value);
    const [l, h] = [filled(low), filled(high)];
    const [positive, negative] = [layer.weights(POSITIVE), layer.weights(NEGATIVE)];
    const z = e.sub(
      e.sub(layer.z, layer.forward({ x: l, w: positive, ...layer.bias(POSITIVE) })),
      layer.forward({ x: h, w: negative, ...layer.bias(NEGATIVE) }),
    );
    const s = e.div(site.g, stabilised(site, z));
    const own = e.mul(site.x(), layer.back(s, site.x(1)));
    return e.sub(e.sub(own, e.mul(l, layer.back(s, positive))), e.mul(h, layer.back(s, negative)));
  },
};

/** A layer that is run with parts of its input, and of its weights and bias. */
class WeightedLayer {
  readonly site: Site;
  readonly #standard: Rule;
  readonly #nonNegative: boolean;
  readonly #added: AddedBias | undefined;

  constructor(site: Site, standard: Rule, nonNegative: boolean, added: AddedBias | undefined) {
    this.site = site;
    this.#standard = standard;
    this.#nonNegative = nonNegative;
    this.#added = added;
  }

  /** What the layer makes, its bias included. */
  get z(): string {
    return this.#added?.sum ?? this.site.y();
  }

  /** The weights with each changed. */
  weights(change: (w: number) => number): string {
    return this.#changed(this.site.x(1), change);
  }

  /** The bias with each changed, where the layer has one. */
  bias(change: (b: number) => number): { readonly b?: string } {
    const name = this.#added?.bias ?? this.site.x(2);
    return name === '' ? {} : { b: this.#changed(name, change) };
  }

  /**
   * Positive inputs with the bias, and negative ones without, each with weights of their own; negative ones are left out
   * where there are none.
   */
  terms(forPositive: (w: number) => number, forNegative: (w: number) => number): readonly Term[] {
    const { e } = this.site;
    const x = this.site.x();
    const first = { w: this.weights(forPositive), ...this.bias(forPositive) };
    if (this.#nonNegative) return [{ x, ...first }];
    return [
      { x: e.op('Relu', [x]), ...first },
      { x: e.op('Min', [x, 0]), w: this.weights(forNegative) },
    ];
  }

  forward({ x, w, b }: Term): string {
    const { node, e } = this.site;
    if (this.#added && b !== undefined) return e.add(e.op(node.op, [x, w], node.attrs), b);
    return e.op(node.op, b === undefined ? [x, w] : [x, w, b], node.attrs);
  }

  /** R/z with z the sum of the terms' results. */
  quotient(terms: readonly Term[], relevance = this.site.g): string {
    const { e } = this.site;
    return e.div(relevance, stabilised(this.site, e.total(terms.map(term => this.forward(term)))));
  }

  /** Σ_k x_k · layerᵀ(R/z, w_k) */
  share(terms: readonly Term[], relevance = this.site.g): string {
    const { e } = this.site;
    const s = this.quotient(terms, relevance);
    return e.total(terms.map(({ x, w }) => e.mul(x, this.back(s, w))));
  }

  /** layerᵀ(s) with other weights. */
  back(s: string, w: string): string {
    return this.#standard.differentiate(this.site.at({ gradients: [s], inputs: [[1, w]] }))[0]!()!;
  }

  #changed(name: string, change: (v: number) => number): string {
    const { site } = this;
    const value = site.valueOf(name);
    if (value?.dtype !== DType.float) return site.fail(`its input '${name}' must be constant`);
    return site.constant({ ...value, data: (value.data as Float32Array).map(change) });
  }
}
