import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** `name` with its last two axes swapped. */
export function swapLast(site: Site, name: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return site.e.transpose(name, perm);
}

/**
 * y = a·b over the last two axes, batched and broadcast: g·bᵀ and aᵀ·g. 1-D operands count as a row (a) or a column
 * (b), whose axis of 1 the output drops.
 */
export const matmul = defineRule('MatMul', site => {
  const { e } = site;
  const [a, b] = [site.x(0), site.x(1)];
  const [da, db] = [site.dims(a), site.dims(b)];
  const row = da.length === 1;
  const column = db.length === 1;
  // Everything as matrices: a [… m k], b [… k n], g [… m n].
  const fa = row ? [1, ...da] : da;
  const fb = column ? [...db, 1] : db;
  const ma = row ? () => e.unsqueeze(a, [0]) : () => a;
  const mb = column ? () => e.unsqueeze(b, [1]) : () => b;
  const mg = () => e.unsqueeze(site.g, [...(row ? [-2] : []), ...(column ? [-1] : [])]);
  const batch = [...site.dims(site.y())];
  if (row) batch.splice(batch.length - (column ? 0 : 1), 0, 1);
  if (column) batch.push(1);
  const lead = batch.slice(0, -2);
  return [
    () => {
      const grad = e.matmul(mg(), swapLast(site, mb(), fb.length));
      const reduced = e.reduceTo(grad, [...lead, ...fa.slice(-2)], fa);
      return row ? e.squeeze(reduced, [0]) : reduced;
    },
    () => {
      if (fb.length === 2 && fa.length > 2 && lead.length === fa.length - 2) {
        // One matrix for the whole batch: flatten the batch into the rows.
        const flatA = e.reshape(ma(), [null, fa.at(-1)!]);
        const flatG = e.reshape(mg(), [null, fb.at(-1)!]);
        const grad = e.matmul(e.transpose(flatA, [1, 0]), flatG);
        return column ? e.squeeze(grad, [1]) : grad;
      }
      const grad = e.matmul(swapLast(site, ma(), fa.length), mg());
      const reduced = e.reduceTo(grad, [...lead, ...fb.slice(-2)], fb);
      return column ? e.squeeze(reduced, [1]) : reduced;
    },
  ];
});
