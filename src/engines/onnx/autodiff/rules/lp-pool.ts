import { read } from '../../graph/graph.ts';
import type { Emitter } from '../emit.ts';
import { defineRule } from '../rule.ts';
import { windowOf } from '../window.ts';
import { spreadOverWindows } from './average-pool.ts';

/** |x|^(p−1)·sign x. */
function powered(e: Emitter, x: string, p: number): string {
  if (p === 1) return e.sign(x);
  if (p === 2) return x;
  return e.mul(e.sign(x), e.pow(e.abs(x), p - 1));
}

/** g·y^(1−p), 0 where y = 0. */
function outer(e: Emitter, g: string, y: string, p: number): string {
  if (p === 1) return g;
  const safe = e.where(e.equal(y, 0), 1, y);
  return e.div(g, p === 2 ? safe : e.pow(safe, p - 1));
}

/** y = (Σ|x|ᵖ)^(1/p) over windows: |x|^(p−1)·sign x · Σ over the windows with x of g·y^(1−p). */
export const lpPool = defineRule('LpPool', site => {
  const { e, g } = site;
  const p = read.int(site.node, 'p', 2);
  return [
    () => {
      const window = windowOf(site, read.ints(site.node, 'kernel_shape')!);
      return e.mul(powered(e, site.x(), p), spreadOverWindows(e, outer(e, g, site.y(), p), window));
    },
  ];
});

/** The same with one window over the whole image. */
export const globalLpPool = defineRule('GlobalLpPool', site => {
  const { e, g } = site;
  const p = read.int(site.node, 'p', 2);
  return [() => e.mul(powered(e, site.x(), p), outer(e, g, site.y(), p))];
});
