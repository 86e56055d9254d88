import { defineRule } from '../rule.ts';

/** The same elements in another shape: g in the shape of x. */
export const reshape = defineRule(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'], site => [
  () => site.reshapeLike(site.g, site.x()),
]);
