import { read } from '../../graph/graph.ts';
import type { Dims, Emitter } from '../emit.ts';
import { defineRule, type Rule } from '../rule.ts';
import { nearby } from '../rules/lrn.ts';
import type { Site } from '../site.ts';
import { both, middle, quotientSlopes, slope } from './differences.ts';

type Pair = readonly [string, string];

const pair = (of: (name: string) => string, [a, b]: Pair): [string, string] => [of(a), of(b)];

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/**
 * Through d/√(mean d² + ε) with d = x − mean x over the axes: the quotient's, 1/(s + s′) for the root s, d + d′ for the
 * square, and means are linear. Exact, without a division by a difference, and of a right size where the reference has no
 * spread, as a zero image in a network without biases has none.
 */
function throughStandardise(e: Emitter, g: string, x: Pair, axes: readonly number[], epsilon: number): string {
  const d = pair(name => e.sub(name, e.mean(name, axes)), x);
  const s = pair(name => e.sqrt(e.add(e.mean(e.square(name), axes), epsilon)), d);
  const y: Pair = [e.div(d[0], s[0]), e.div(d[1], s[1])];
  const { forDividend, forDivisor } = quotientSlopes(e, y, s);
  const forSquares = e.div(e.sum(e.mul(g, forDivisor), axes), e.add(...s));
  // mean d²: each element gets 1/n of it, as e.mean does of a constant over the axes.
  const perElement = e.div(forSquares, countOver(e, d[0], axes));
  const forD = e.add(e.mul(g, forDividend), e.mul(perElement, e.add(...d)));
  return e.sub(forD, e.mean(forD, axes));
}

/** The number of elements over the axes, with as many axes of 1. */
function countOver(e: Emitter, x: string, axes: readonly number[]): string {
  return e.sum(e.filledLike(x, 1), axes);
}

function refuseVarying(site: Site, inputs: readonly number[]): void {
  for (const i of inputs) if (site.has(i) && site.varies(site.x(i))) site.fail(`its input ${i} changes with the image`);
}

const layerNormalization = defineRule('LayerNormalization', site => {
  const { e, g } = site;
  refuseVarying(site, [1, 2]);
  const axes = range(site.axis(read.int(site.node, 'axis', -1)), site.rank(site.x()));
  const epsilon = read.float(site.node, 'epsilon', 1e-5);
  return [() => throughStandardise(e, e.mul(g, site.x(1)), both(site, site.x()), axes, epsilon)];
});

const instanceNormalization = defineRule('InstanceNormalization', site => {
  const { e, g } = site;
  refuseVarying(site, [1, 2]);
  const rank = site.rank(site.x());
  const gamma = () => e.unsqueeze(site.x(1), range(1, rank - 1));
  const epsilon = read.float(site.node, 'epsilon', 1e-5);
  return [() => throughStandardise(e, e.mul(g, gamma()), both(site, site.x()), range(2, rank), epsilon)];
});

const groupNormalization = defineRule('GroupNormalization', site => {
  const { e, g } = site;
  refuseVarying(site, [1, 2]);
  const [n, c, ...spatial] = site.dims(site.x()) as [number | null, number, ...(number | null)[]];
  const groups = read.int(site.node, 'num_groups', 1);
  const grouped: Dims = [n, groups, c / groups, ...spatial];
  const epsilon = read.float(site.node, 'epsilon', 1e-5);
  return [
    () => {
      const dims = site.dims(site.x());
      const gamma = e.reshape(site.x(1), [groups, 1, ...spatial.map(() => 1)]);
      const scaled = e.mul(e.reshape(g, grouped, dims), gamma);
      const x = pair(name => e.reshape(name, grouped, dims), both(site, site.x()));
      return e.reshape(throughStandardise(e, scaled, x, range(2, grouped.length), epsilon), dims, grouped);
    },
  ];
});

const meanVarianceNormalization = defineRule('MeanVarianceNormalization', site => {
  const axes = (read.ints(site.node, 'axes') ?? [0, 2, 3]).map(a => site.axis(a));
  return [() => throughStandardise(site.e, site.g, both(site, site.x()), axes, 1e-9)];
});

/** x/‖x‖ₚ: the quotient's rule, then √Σx² or Σ|x|. */
const lpNormalization = defineRule('LpNormalization', site => {
  const { e, g } = site;
  const axes = [site.axis(read.int(site.node, 'axis', -1))];
  const p = read.int(site.node, 'p', 2);
  return [
    () => {
      const x = both(site, site.x());
      const norm = pair(name => (p === 1 ? e.sum(e.abs(name), axes) : e.sqrt(e.sum(e.square(name), axes))), x);
      const y = both(site, site.y());
      const { forDividend, forDivisor } = quotientSlopes(e, y, norm);
      const forNorm = e.sum(e.mul(g, forDivisor), axes);
      const inner =
        p === 1
          ? e.mul(
              forNorm,
              slope(
                e,
                x,
                pair(name => e.abs(name), x),
                e.sign(x[0]),
              ),
            )
          : e.mul(e.div(forNorm, e.add(...norm)), e.add(...x));
      return e.add(e.mul(g, forDividend), inner);
    },
  ];
});

/** x·s^−β with s = bias + α/size·Σ x² over neighbouring channels: a product, a power, and squares. */
const lrn = defineRule('LRN', site => {
  const { e, g, node } = site;
  const size = read.int(node, 'size', 1);
  const alpha = read.float(node, 'alpha', 1e-4) / size;
  const beta = read.float(node, 'beta', 0.75);
  const bias = read.float(node, 'bias', 1);
  return [
    () => {
      const x = both(site, site.x());
      const [channels, spatial] = [site.size(x[0], 1), site.rank(x[0]) - 2];
      const s = pair(name => e.add(e.mul(nearby(e, e.square(name), channels, spatial, size, false), alpha), bias), x);
      const power = pair(name => e.pow(name, -beta), s);
      const derivative = e.mul(e.pow(s[0], -beta - 1), -beta);
      const forPower = e.mul(e.mul(g, middle(e, ...x)), slope(e, s, power, derivative));
      const forSquares = e.mul(nearby(e, forPower, channels, spatial, size, true), alpha);
      return e.add(e.mul(g, middle(e, ...power)), e.mul(forSquares, e.add(...x)));
    },
  ];
});

/** Normalisations as what they are made of. */
export const normalisations: Readonly<Record<string, (standard: Rule) => Rule>> = {
  LayerNormalization: () => layerNormalization,
  InstanceNormalization: () => instanceNormalization,
  GroupNormalization: () => groupNormalization,
  MeanVarianceNormalization: () => meanVarianceNormalization,
  LpNormalization: () => lpNormalization,
  LRN: () => lrn,
};
