import { defineRule } from '../rule.ts';

/** y = max or min of x₁…xₙ: g for those that equal y, in equal shares, as PyTorch's maximum and minimum. */
export const extremum = defineRule(['Max', 'Min'], site => {
  const { e, g, node } = site;
  if (node.inputs.length === 1) return [() => g];
  const hits = node.inputs.map(x => e.cast(e.equal(x, site.y())));
  const share = e.div(g, e.total(hits));
  return hits.map((hit, i) => () => site.reduce(site.masked(hit, share), i));
});
