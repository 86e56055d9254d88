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

/** (1/b + 1/b′) / 2 */
export function middleInverse(e: Emitter, b: string, reference: string): string {
  return e.mul(e.add(e.div(1, b), e.div(1, reference)), 0.5);
}

/** What a/b passes to b for each unit of its own multiplier: −(a + a′) / (2 b b′). */
export function throughDivisor(e: Emitter, a: readonly [string, string], b: readonly [string, string]): string {
  return e.neg(e.div(middle(e, ...a), e.mul(...b)));
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
