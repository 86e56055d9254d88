import type { PlaceboEffects } from '../contracts/index.ts';
import type { Rng } from '../rng.ts';
import { quantile } from '../statistics/quantile.ts';

/** How large effects are that are chance. */
export interface ChanceEffects extends PlaceboEffects {
  /** Effects up to this size are not told from none: upper 95 % bound of the 99th percentile. */
  readonly threshold: number;
}

const PERCENTILE = 0.99;
const BOUND = 0.95;
const RESAMPLES = 1999;
/** Below this the 99th percentile rests on fewer than ten placebos. */
export const LEAST_PLACEBOS = 1000;

/**
 * The size that 99 % of placebo effects stay below, pooled over patients, with an upper bound from resampling whole
 * patients (percentile bootstrap), so that one odd patient can't lower it.
 * @param effects changes of the target's log-odds, one list per patient.
 * @returns undefined with fewer than `LEAST_PLACEBOS`.
 */
export function chanceEffects(effects: readonly (readonly number[])[], rng: Rng): ChanceEffects | undefined {
  const sizes = effects.map(list => list.map(Math.abs));
  const all = sizes.flat();
  if (all.length < LEAST_PLACEBOS) return undefined;
  const drawn = Array.from({ length: RESAMPLES }, () =>
    quantile(
      sizes.flatMap(() => sizes[rng.int(sizes.length)]!),
      PERCENTILE,
    ),
  );
  return {
    threshold: quantile(drawn, BOUND),
    percentile: quantile(all, PERCENTILE),
    placebos: all.length,
    patients: sizes.length,
  };
}
