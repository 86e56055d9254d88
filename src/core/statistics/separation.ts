import { createRng, type Rng } from '../rng.ts';
import { bootstrapMaxT } from './bootstrap-max-t.ts';
import { type Differences, momentsOf } from './differences.ts';
import { signFlips } from './sign-flips.ts';

/** One comparison among several that are tested together. */
export interface PairComparison {
  /** Patients that have both sides. */
  readonly patients: number;
  /** Mean over them of the differences. */
  readonly mean: number;
  /** Mean over its standard error; null where all patients differ by the same amount. */
  readonly t: number | null;
  /** The largest of the three below: all must say so. */
  readonly p: number;
  readonly pSigns: number;
  readonly pBootstrap: number;
  readonly pSkew: number;
  /** Ends of intervals that all hold at once, from the bootstrap of t; null where there is none. */
  readonly low: number | null;
  readonly high: number | null;
  readonly separated: boolean;
}

export interface SeparationOptions {
  readonly rng?: Rng;
  /** Random sign patterns, where all are more than that, and resamples of patients. Default 9,999. */
  readonly resamples?: number;
  /** Family-wise error. Default 0.05. */
  readonly alpha?: number;
}

export interface Separation {
  readonly comparisons: readonly PairComparison[];
  /** Sign patterns looked at; `exact`: all there are. */
  readonly patterns: number;
  readonly exact: boolean;
  readonly alpha: number;
}

/**
 * Comparisons over the same patients, with a chance of at most alpha that any of them is called separated without
 * being so. Separated is what three single-step max-T procedures agree on: patients' sign flips, the studentised
 * bootstrap, and the bootstrap corrected for skewness. Sign flips take differences to be symmetric about 0, which equal
 * means of unequal shapes break; the bootstrap takes many patients. Each holds where the other fails
 * (docs/statistics.md has the simulations).
 */
export function separate(d: Differences, options: SeparationOptions = {}): Separation {
  const { rng = createRng('max-t'), resamples = 9999, alpha = 0.05 } = options;
  const { p: signs, patterns, exact } = signFlips(d, resamples, rng.fork('signs'));
  const { p, pSkew, reach } = bootstrapMaxT(d, resamples, rng.fork('patients'), alpha);
  const comparisons = Array.from({ length: d.comparisons }, (_, c): PairComparison => {
    const { patients, mean, squares } = momentsOf(d, c);
    const se = patients > 1 ? Math.sqrt(squares / (patients - 1) / patients) : 0;
    const joint = Math.max(signs[c]!, p[c]!, pSkew[c]!);
    const half = se > 0 && reach[c]! < Number.POSITIVE_INFINITY ? reach[c]! * se : null;
    return {
      patients,
      mean,
      t: se > 0 ? mean / se : null,
      p: joint,
      pSigns: signs[c]!,
      pBootstrap: p[c]!,
      pSkew: pSkew[c]!,
      low: half === null ? null : mean - half,
      high: half === null ? null : mean + half,
      separated: joint <= alpha,
    };
  });
  return { comparisons, patterns, exact, alpha };
}
