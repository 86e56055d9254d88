import type { Emitter, Operand } from '../emit.ts';
import { defineRule, type Rule } from '../rule.ts';
import type { Site } from '../site.ts';

/** Arguments that differ by less than this share of their size (or of 1) count as equal: float32 tells no more. */
const NEAR = 1e-6;

/** Whether x and its reference count as equal, minus infinity of a mask among them. */
export function near(e: Emitter, x: string, reference: string): string {
  const close = e.less(e.abs(e.sub(x, reference)), e.mul(e.op('Max', [e.abs(x), 1]), NEAR));
  return e.op('Or', [e.equal(x, reference), close]);
}

/** (y − y′) / (x − x′), and `derivative` where the arguments count as equal. */
export function slope(
  e: Emitter,
  [x, reference]: readonly [string, string],
  [y, atReference]: readonly [string, string],
  derivative: Operand,
): string {
  const equal = near(e, x, reference);
  const ratio = e.div(e.sub(y, atReference), e.where(equal, 1, e.sub(x, reference)));
  return e.where(equal, derivative, ratio);
}

/** (a + a′) / 2 */
export function middle(e: Emitter, a: string, reference: string): string {
  return e.mul(e.add(a, reference), 0.5);
}

/** a² / (a² + b²); ½ where both are 0. */
export function shareOf(e: Emitter, a: string, b: string): string {
  const [own, other] = [e.square(a), e.square(b)];
  const total = e.add(own, other);
  const none = e.equal(total, 0);
  return e.where(none, 0.5, e.div(own, e.where(none, 1, total)));
}

/** (1 − w)·a + w·b. With b, b′, w for a factor and a′, a, w for the other, products are exact for every w. */
export function mixed(e: Emitter, a: string, b: string, w: string): string {
  return e.add(a, e.mul(w, e.sub(b, a)));
}

/**
 * Multipliers of y = a/b for a and for b: (b + b′)/(b² + b′²) and −(y b′ + y′ b)/(b² + b′²). Their products with the
 * differences of a and b sum to that of y. So do those of the means, (1/b + 1/b′)/2 and −(a + a′)/(2 b b′), but where b and
 * b′ differ a thousandfold they are a thousand times larger than y, and cancel; these are never larger than y is.
 */
export function quotientSlopes(
  e: Emitter,
  y: readonly [string, string],
  b: readonly [string, string],
): { readonly forDividend: string; readonly forDivisor: string } {
  const squares = e.add(e.square(b[0]), e.square(b[1]));
  const crossed = e.add(e.mul(y[0], b[1]), e.mul(y[1], b[0]));
  return { forDividend: e.div(e.add(...b), squares), forDivisor: e.neg(e.div(crossed, squares)) };
}

/** A tensor of the image and the same of the reference image. */
export const both = (site: Site, name: string): [string, string] => [name, site.reference(name)];

/** Rescale for an operator that works on single values of its first input: g·Δy/Δx (Shrikumar et al. 2017, eq. 14). */
export function rescaled(standard: Rule): Rule {
  return defineRule(standard.operators, site => [
    () => {
      const { e, g } = site;
      const [x, r] = both(site, site.x());
      const [y, yr] = both(site, site.y());
      const equal = near(e, x, r);
      const ratio = e.div(e.sub(y, yr), e.where(equal, 1, e.sub(x, r)));
      return e.where(equal, standard.differentiate(site)[0]!()!, e.mul(g, ratio));
    },
  ]);
}
