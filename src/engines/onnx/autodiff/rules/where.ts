import { defineRule } from '../rule.ts';

/** y = condition ? a : b: g where it was taken, else 0. */
export const where = defineRule('Where', site => {
  const { e, g } = site;
  return [null, () => site.reduce(e.where(site.x(), g, 0), 1), () => site.reduce(e.where(site.x(), 0, g), 2)];
});
