import { createRng, type Rng } from '../rng.ts';
import type { Ends } from './proportion.ts';

/** What one patient adds: the sum of their values, and how many there are. */
export interface PatientSum {
  readonly sum: number;
  /** Above 0. */
  readonly weight: number;
}

export interface BootstrapTOptions {
  readonly rng?: Rng;
  /** Default 9,999. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
}

/** With fewer patients resamples degenerate and no interval holds its level. */
export const LEAST_PATIENTS = 6;
/** Variances below this share of the sample's count as none. */
const NO_SPREAD = 1e-12;

/**
 * Bootstrap-t interval (Efron & Tibshirani 1993, section 12.5) of Σ sums / Σ weights, resampling patients; with weights
 * of 1 that is the mean over patients, else a mean over images whose variance is that of a ratio. A resample without
 * spread has t = 0 if its mean has not moved, else ±∞: where too few patients differ from the rest an end is ∞.
 * @returns undefined with fewer than `LEAST_PATIENTS` patients, or where all have the same value
 */
export function bootstrapT(patients: readonly PatientSum[], options: BootstrapTOptions = {}): Ends | undefined {
  const { rng = createRng('bootstrap-t'), resamples = 9999, level = 0.95 } = options;
  const n = patients.length;
  if (n < LEAST_PATIENTS) return undefined;
  const weights = Float64Array.from(patients, p => p.weight);
  const total = weights.reduce((a, b) => a + b, 0);
  const mean = patients.reduce((sum, p) => sum + p.sum, 0) / total;
  const centred = Float64Array.from(patients, p => p.sum - mean * p.weight);
  const squares = centred.reduce((sum, z) => sum + z * z, 0);
  if (!(squares > 1e-24 * Math.max(1e-24, mean * mean) * total)) return undefined;
  const se = Math.sqrt((squares * n) / (n - 1)) / total;
  const t = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let [sum, weight, zz, zw, ww] = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const at = rng.int(n);
      const [z, w] = [centred[at]!, weights[at]!];
      sum += z;
      weight += w;
      zz += z * z;
      zw += z * w;
      ww += w * w;
    }
    const shift = sum / weight;
    const rest = zz - 2 * shift * zw + shift * shift * ww;
    if (rest > NO_SPREAD * squares) t[b] = (shift * weight) / Math.sqrt((rest * n) / (n - 1));
    else t[b] = shift * shift * ww <= NO_SPREAD * squares ? 0 : Math.sign(shift) * Number.POSITIVE_INFINITY;
  }
  t.sort();
  const tail = Math.max(1, Math.round((resamples + 1) * ((1 - level) / 2)));
  return { low: mean - t[resamples - tail]! * se, high: mean - t[tail - 1]! * se };
}
