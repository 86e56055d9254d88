import { read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** The axes that a Reduce operator works on, ascending; none: it passes its input through (noop_with_empty_axes). */
export function reducedAxes(site: Site): number[] {
  const rank = site.rank(site.x());
  const given = site.numbers(1) ?? [];
  if (given.length > 0) return given.map(a => site.axis(a)).sort((a, b) => a - b);
  return read.int(site.node, 'noop_with_empty_axes', 0) ? [] : Array.from({ length: rank }, (_, i) => i);
}

/** What the rules of the family share: `axes`, and tensors of the output's shape with the reduced axes put back. */
interface Reduction {
  readonly axes: readonly number[];
  /** g with the reduced axes as 1. */
  readonly g: () => string;
  /** y with the reduced axes as 1. */
  readonly y: () => string;
  /** `t`, with the reduced axes as 1, broadcast over them. */
  readonly spread: (t: string) => string;
}

/** A rule for g·∂y/∂x that broadcasts over the reduced axes. */
function reduction(operators: string | string[], gradient: (site: Site, r: Reduction) => string) {
  return defineRule(operators, site => {
    const axes = reducedAxes(site);
    const kept = read.int(site.node, 'keepdims', 1) !== 0;
    const restore = (name: string) => (kept ? name : site.e.unsqueeze(name, axes));
    const restored = site.dims(site.x()).map((d, i) => (axes.includes(i) ? 1 : d));
    const spread = (t: string) => (axes.length === 0 ? t : site.expandLike(t, site.x(), restored));
    return [() => gradient(site, { axes, g: () => restore(site.g), y: () => restore(site.y()), spread })];
  });
}

/** g/n, n the elements that each output stands for. */
function mean(site: Site, r: Reduction): string {
  const { e } = site;
  const dims = r.axes.map(a => site.dims(site.x())[a]!);
  if (dims.every(d => d !== null)) return e.mul(r.g(), 1 / dims.reduce((a, b) => a * b, 1));
  const size = (name: string) => e.cast(e.op('Size', [name]));
  return e.mul(r.g(), e.div(size(site.y()), size(site.x())));
}

export const reductions = [
  /** y = Σ x: g. */
  reduction('ReduceSum', (_site, r) => r.spread(r.g())),
  /** y = Σ x / n: g/n. */
  reduction('ReduceMean', (site, r) => r.spread(r.axes.length === 0 ? r.g() : mean(site, r))),
  /** y = max or min x: g, in equal shares among ties, as PyTorch's amax and amin. */
  reduction(['ReduceMax', 'ReduceMin'], (site, r) => {
    const { e } = site;
    const hits = e.cast(e.equal(site.x(), r.y()));
    return site.masked(hits, e.div(r.g(), e.sum(hits, r.axes)));
  }),
  /** y = Σ|x|: g·sign x. */
  reduction('ReduceL1', (site, r) => site.e.mul(r.g(), site.e.sign(site.x()))),
  /** y = √Σx²: g·x/y, 0 where y = 0. */
  reduction('ReduceL2', (site, r) => {
    const { e } = site;
    const y = r.y();
    return e.mul(site.x(), e.div(r.g(), e.where(e.equal(y, 0), 1, y)));
  }),
  /** y = Σx²: 2g·x. */
  reduction('ReduceSumSquare', (site, r) => site.e.mul(site.e.mul(r.g(), 2), site.x())),
  /** y = log Σx: g/eʸ. */
  reduction('ReduceLogSum', (site, r) => r.spread(site.e.div(r.g(), site.e.exp(r.y())))),
  /** y = log Σeˣ: g·e^(x − y). */
  reduction('ReduceLogSumExp', (site, r) => {
    const { e } = site;
    return e.mul(r.g(), e.exp(e.sub(site.x(), r.y())));
  }),
  /** y = Π x: g·y/x; a single zero gets the product of the others, with two or more all are 0. */
  reduction('ReduceProd', (site, r) => {
    const { e } = site;
    const zero = e.equal(site.x(), 0);
    const hits = e.cast(zero);
    const zeros = e.sum(hits, r.axes);
    const filled = e.where(zero, 1, site.x());
    const product = r.axes.length === 0 ? filled : e.op('ReduceProd', [filled, e.ints(r.axes)]);
    const others = e.where(e.equal(zeros, 0), e.div(1, filled), e.where(e.equal(zeros, 1), hits, 0));
    return e.mul(e.mul(r.g(), product), others);
  }),
];
