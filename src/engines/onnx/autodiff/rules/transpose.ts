import { read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/** y = x with axes permuted: g permuted back. */
export const transpose = defineRule('Transpose', site => {
  const rank = site.rank(site.x());
  const perm = read.ints(site.node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return [
    () =>
      site.e.transpose(
        site.g,
        perm.map((_, i) => perm.indexOf(i)),
      ),
  ];
});
