import { read } from '../../graph/graph.ts';
import type { Emitter } from '../emit.ts';
import { defineRule, type Rule } from '../rule.ts';
import { spreadOverWindows } from '../rules/average-pool.ts';
import { reducedAxes } from '../rules/reduce.ts';
import type { Site } from '../site.ts';
import { windowOf } from '../window.ts';
import { both, slope } from './differences.ts';

type Pair = readonly [string, string];

/** e^(x − c) for image and reference, c the largest of both along the axes: no overflow, and c cancels. */
function exponentials(e: Emitter, [x, r]: Pair, axes: readonly number[]): [string, string] {
  const top = (name: string) => e.op('ReduceMax', [name, e.ints(axes)]);
  const shift = e.op('Max', [top(x), top(r)]);
  return [e.exp(e.sub(x, shift)), e.exp(e.sub(r, shift))];
}

/** Δ log s / Δ s */
export function logSlope(e: Emitter, s: Pair): string {
  return slope(e, s, [e.log(s[0]), e.log(s[1])], e.div(1, s[0]));
}

/** Σ over axes of both tensors of a pair. */
const summed = (e: Emitter, pair: Pair, axes: readonly number[]): [string, string] => [
  e.sum(pair[0], axes),
  e.sum(pair[1], axes),
];

/**
 * y = e^u with u = x − log Σ e^x, by rescale. (As a quotient of e^(x − c) and its sum it would be exact too, but a shift of
 * all x between image and reference, which changes no y, makes those multipliers as large as e^shift.)
 */
function softmax(): Rule {
  return defineRule('Softmax', site => [
    () => {
      const { e, g } = site;
      const axes = [site.axis(read.int(site.node, 'axis', -1))];
      const x = both(site, site.x());
      const y = both(site, site.y());
      const { values, slopes } = logSumExp(e, x, axes);
      const own = e.mul(g, slope(e, [e.sub(x[0], values[0]), e.sub(x[1], values[1])], y, y[0]));
      return e.sub(own, e.mul(e.sum(own, axes), slopes));
    },
  ]);
}

/** y = x − log Σ e^x. */
function logSoftmax(): Rule {
  return defineRule('LogSoftmax', site => [
    () => {
      const { e, g } = site;
      const axes = [site.axis(read.int(site.node, 'axis', -1))];
      return e.sub(g, e.mul(e.sum(g, axes), logSumExp(e, both(site, site.x()), axes).slopes));
    },
  ]);
}

/** L = log Σ e^x of image and reference, and what each element of x adds to ΔL for its own difference: the e^x by rescale, then ΔL/ΔS. */
export function logSumExp(
  e: Emitter,
  x: Pair,
  axes: readonly number[],
): { readonly values: Pair; readonly slopes: string } {
  const exps = exponentials(e, x, axes);
  const totals = summed(e, exps, axes);
  const value = (name: string) => e.op('ReduceLogSumExp', [name, e.ints(axes)]);
  const values: Pair = [value(x[0]), value(x[1])];
  return { values, slopes: e.mul(slope(e, x, exps, exps[0]), slope(e, totals, values, e.div(1, totals[0]))) };
}

/** A reduction with its parts: axes, g with the reduced axes back, x and y of image and reference. */
function reduction(multiplier: (site: Site, r: { axes: readonly number[]; g: string; x: Pair; y: Pair }) => string) {
  return (standard: Rule): Rule =>
    defineRule(standard.operators, site => {
      const axes = reducedAxes(site);
      const kept = read.int(site.node, 'keepdims', 1) !== 0;
      const restored = (name: string) => (kept ? name : site.e.unsqueeze(name, axes));
      const y = both(site, site.y()).map(restored) as [string, string];
      return [() => multiplier(site, { axes, g: restored(site.g), x: both(site, site.x()), y })];
    });
}

const absSlope = (e: Emitter, x: Pair) => slope(e, x, [e.abs(x[0]), e.abs(x[1])], e.sign(x[0]));

/** 1/(y + y′), the slope of a root; 0 where both are 0. */
function rootSlope(e: Emitter, y: Pair): string {
  const total = e.add(...y);
  const none = e.equal(total, 0);
  return e.where(none, 0, e.div(1, e.where(none, 1, total)));
}

/** √Σx² or Σ|x| over windows. */
function lpPool(standard: Rule): Rule {
  return defineRule(standard.operators, site => [
    () => {
      const { e, g, node } = site;
      const p = read.int(node, 'p', 2);
      if (p > 2) site.fail(`p = ${p} has no multiplier, only 1 and 2`);
      const [x, y] = [both(site, site.x()), both(site, site.y())];
      const outer = p === 1 ? g : e.mul(g, rootSlope(e, y));
      const whole = node.op === 'GlobalLpPool';
      const spread = whole ? outer : spreadOverWindows(e, outer, windowOf(site, read.ints(node, 'kernel_shape')!));
      return e.mul(p === 1 ? absSlope(e, x) : e.add(...x), spread);
    },
  ]);
}

/** Sums of functions of single values, and functions of such sums. */
export const sums: Readonly<Record<string, (standard: Rule) => Rule>> = {
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  ReduceLogSumExp: reduction(({ e }, { x, g, axes }) => e.mul(g, logSumExp(e, x, axes).slopes)),
  ReduceLogSum: reduction((site, { x, g, axes }) => {
    const { e } = site;
    return e.mul(e.filledLike(x[0], 1), e.mul(g, logSlope(e, summed(e, x, axes))));
  }),
  ReduceL1: reduction(({ e }, { x, g }) => e.mul(g, absSlope(e, x))),
  ReduceL2: reduction(({ e }, { x, y, g }) => e.mul(e.add(...x), e.mul(g, rootSlope(e, y)))),
  ReduceSumSquare: reduction(({ e }, { x, g }) => e.mul(g, e.add(...x))),
  LpPool: lpPool,
  GlobalLpPool: lpPool,
};
