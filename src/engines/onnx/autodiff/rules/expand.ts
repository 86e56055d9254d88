import { defineRule } from '../rule.ts';

/** y = x broadcast: g summed over what was broadcast. */
export const expand = defineRule('Expand', site => [() => site.reduce(site.g, 0)]);

/** y = x repeated along each axis: g summed over the copies. */
export const tile = defineRule('Tile', site => {
  const { e } = site;
  return [
    () => {
      const repeats = site.numbers(1)!;
      const dims = site.dims(site.x());
      // Each repeated axis becomes [repeats, size]; the copies are then summed.
      const split = dims.flatMap((d, i) => (repeats[i] === 1 ? [d] : [repeats[i]!, d]));
      const axes: number[] = [];
      repeats.forEach((r, i) => {
        if (r !== 1) axes.push(i + axes.length);
      });
      return axes.length === 0 ? site.g : e.sum(e.reshape(site.g, split, site.dims(site.y())), axes, false);
    },
  ];
});
