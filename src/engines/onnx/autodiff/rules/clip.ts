import { numbersOf } from '../../graph/graph.ts';
import { positive } from '../pointwise.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** Bounds from here on are as good as none. */
const UNBOUNDED = 1e37;
/** Bounds up to here leave room in float32 for a steep ramp about them. */
const ORDINARY = 1e6;

/** A constant bound; `otherwise` where there is none; undefined where it is not known beforehand. */
function bound(site: Site, input: number, otherwise: number): number | undefined {
  if (!site.has(input)) return otherwise;
  const value = site.value(input);
  if (!value) return undefined;
  const [number] = numbersOf(value) as [number];
  return Math.abs(number) >= UNBOUNDED ? otherwise : number;
}

/**
 * y = min(max(x, low), high): g strictly between the bounds, else 0. At a bound it is 0, as PyTorch's ReLU6 and
 * Hardtanh (its clamp passes the gradient there).
 */
export const clip = defineRule('Clip', site => {
  const { e, g } = site;
  return [
    () => {
      const low = bound(site, 1, Number.NEGATIVE_INFINITY);
      const high = bound(site, 2, Number.POSITIVE_INFINITY);
      const usable = (b: number | undefined) => b !== undefined && (!Number.isFinite(b) || Math.abs(b) <= ORDINARY);
      if (usable(low) && usable(high)) {
        // Through y, which is at a bound where x is at or beyond it.
        const above = Number.isFinite(low) ? site.masked(positive(e, site.y(), 1, -low!)) : g;
        return Number.isFinite(high) ? site.masked(positive(e, site.y(), -1, high), above) : above;
      }
      const tests = [
        ...(low === Number.NEGATIVE_INFINITY ? [] : [e.greater(site.x(), site.x(1))]),
        ...(high === Number.POSITIVE_INFINITY ? [] : [e.less(site.x(), site.x(2))]),
      ];
      return e.where(
        tests.reduce((a, b) => e.and(a, b)),
        g,
        0,
      );
    },
  ];
});
