import { defineRule } from '../rule.ts';

/** y = mean over all positions: g/count everywhere. */
export const globalAveragePool = defineRule('GlobalAveragePool', site => {
  const { e, g } = site;
  const count = site.sizes(site.x(), 2).reduce((a, b) => a * b, 1);
  return [() => site.expandLike(e.mul(g, 1 / count), site.x(), site.dims(site.y()))];
});

/** y = maximum over all positions: g at the maximum, in equal shares among ties. */
export const globalMaxPool = defineRule('GlobalMaxPool', site => {
  const { e, g } = site;
  return [
    () => {
      const hits = e.cast(e.equal(site.x(), site.y()));
      const axes = site.dims(site.x()).flatMap((_, i) => (i < 2 ? [] : [i]));
      return site.masked(hits, e.div(g, e.sum(hits, axes)));
    },
  ];
});
