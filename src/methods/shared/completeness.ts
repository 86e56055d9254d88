import type { Tensor } from '../../core/tensor.ts';

/** Below this |f(x) − f(b)| a relative gap means nothing: the absolute one is judged, against this. */
export const SMALL_DIFFERENCE = 0.1;

/**
 * How far an additive map's sum is from the score difference that it explains: `completenessGapAbsolute` |Σa − Δf|, and
 * `completenessGap`, its share of |Δf|, where that is 0.1 at least. Empty where they are not finite.
 */
export function completeness(map: Tensor, difference: number): Readonly<Record<string, number>> {
  const gap = Math.abs(map.data.reduce((a, b) => a + b, 0) - difference);
  if (!Number.isFinite(gap)) return {};
  const size = Math.abs(difference);
  return { completenessGapAbsolute: gap, ...(size < SMALL_DIFFERENCE ? {} : { completenessGap: gap / size }) };
}
