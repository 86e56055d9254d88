import { read } from '../../graph/graph.ts';
import type { Matrix } from '../emit.ts';
import { matrix } from '../matrices.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** Padding before and after each axis of x; negative widths crop. */
function widths(site: Site): { begins: number[]; ends: number[] } {
  const rank = site.rank(site.x());
  const pads = site.numbers(1)!;
  const axes = site.numbers(3)?.map(a => site.axis(a)) ?? Array.from({ length: rank }, (_, i) => i);
  const begins = new Array<number>(rank).fill(0);
  const ends = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    begins[axis] = pads[i]!;
    ends[axis] = pads[i + axes.length]!;
  });
  return { begins, ends };
}

/** Which element of an axis of `size` stands at position `p` of the padded axis. */
function sourceOf(mode: string, p: number, size: number): number {
  if (mode === 'edge') return Math.min(Math.max(p, 0), size - 1);
  if (mode === 'wrap') return ((p % size) + size) % size;
  // reflect: mirrored about the first and last element, period 2(size − 1).
  const period = Math.max(1, 2 * (size - 1));
  const folded = ((p % period) + period) % period;
  return folded < size ? folded : period - folded;
}

/** [input, output]: 1 where output `o` is a copy of input `i`. */
function copies(mode: string, size: number, begin: number, end: number): Matrix {
  const output = size + begin + end;
  return matrix(size, output, add => {
    for (let o = 0; o < output; o++) add(sourceOf(mode, o - begin, size), o, 1);
  });
}

/** y = x with a border: g without it; other modes than constant add the border's g to what was copied there. */
export const pad = defineRule('Pad', site => {
  const { e, g } = site;
  const mode = read.string(site.node, 'mode', 'constant');
  return [
    () => {
      const { begins, ends } = widths(site);
      const negated = (list: number[]) => list.map(w => -w);
      if (mode === 'constant') return e.pad(g, negated(begins), negated(ends));
      const rank = begins.length;
      return begins.reduce((acc, begin, axis) => {
        if (begin === 0 && ends[axis] === 0) return acc;
        return e.along(acc, rank, axis, copies(mode, site.size(site.x(), axis), begin, ends[axis]!));
      }, g);
    },
  ];
});
