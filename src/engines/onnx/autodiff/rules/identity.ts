import { FLOATING } from '../path.ts';
import { defineRule } from '../rule.ts';

/** y = x, Dropout at inference included: g. */
export const identity = defineRule(['Identity', 'Dropout'], site => {
  const training = site.numbers(2)?.[0] ?? 0;
  if (site.node.op === 'Dropout' && training !== 0) site.fail('it is in training mode');
  return [() => site.g];
});

/** Float to float: g cast back. Integers on the way carry their gradients as numbers. */
export const cast = defineRule(['Cast', 'CastLike'], site => {
  const type = site.dtype(site.x());
  return [() => (FLOATING.has(type) ? site.e.cast(site.g, type) : site.g)];
});
