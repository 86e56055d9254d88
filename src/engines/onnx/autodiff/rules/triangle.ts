import { attr, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/** y = one triangle of each matrix: the same triangle of g. */
export const trilu = defineRule('Trilu', site => {
  const upper = { upper: attr.int(read.int(site.node, 'upper', 1)) };
  return [() => site.e.op('Trilu', site.has(1) ? [site.g, site.x(1)] : [site.g], upper)];
});

/** y = running sums along an axis: the running sums of g from the other end. */
export const cumSum = defineRule('CumSum', site => {
  const exclusive = attr.int(read.int(site.node, 'exclusive', 0));
  const reverse = attr.int(1 - read.int(site.node, 'reverse', 0));
  return [() => site.e.op('CumSum', [site.g, site.x(1)], { exclusive, reverse })];
});
