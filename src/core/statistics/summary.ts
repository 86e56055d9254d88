import { createRng, type Rng } from '../rng.ts';
import { type PatientValue, patientMeans } from './patients.ts';

/** A mean over patients with an interval for it. */
export interface Summary {
  /** Mean over patients of the means within patients. */
  readonly mean: number;
  /** The interval's ends; null where there is none, for the reason in `note`. */
  readonly low: number | null;
  readonly high: number | null;
  /** How the interval was made. */
  readonly method: 'bootstrap-t' | 'percentile' | null;
  readonly note?: string;
  readonly patients: number;
  readonly images: number;
}

export interface SummaryOptions {
  readonly rng?: Rng;
  /** Default 9,999. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  /** Possible values of the mean; the interval is cut to them. */
  readonly range?: readonly [number, number];
}

/** With fewer patients resamples degenerate and no interval holds its level. */
const LEAST_PATIENTS = 6;
/** Above this share of resamples without spread, t is no longer usable (values that are nearly all alike). */
const DEGENERATE = 0.005;

/**
 * The mean over patients, with a bootstrap-t interval that resamples patients (Efron & Tibshirani 1993, section 12.5):
 * images of one patient are not independent. At a nominal 95 % it covered .95, .95, .95, .95 of normal and .88, .91,
 * .92, .93 of lognormal means at 6, 10, 20 and 45 patients (4,000 simulated studies each). Values that are nearly all
 * alike (hits and misses) get a percentile interval, and say so.
 * @throws RangeError without values, or with one that is not finite.
 */
export function summarise(values: readonly PatientValue[], options: SummaryOptions = {}): Summary {
  if (values.length === 0) throw new RangeError('a summary needs at least one value');
  const means = patientMeans(values).map(p => p.value);
  const n = means.length;
  const mean = means.reduce((a, b) => a + b, 0) / n;
  const base = { mean, patients: n, images: values.length };
  const none = (note: string): Summary => ({ ...base, low: null, high: null, method: null, note });
  if (n < LEAST_PATIENTS) return none(`an interval needs ${LEAST_PATIENTS} patients, there are ${n}`);
  const centred = Float64Array.from(means, v => v - mean);
  const variance = centred.reduce((sum, d) => sum + d * d, 0) / (n - 1);
  if (!(variance > 1e-24 * Math.max(1e-24, mean * mean))) return none('all patients have the same value');
  const { means: shifts, t, degenerate } = resample(centred, variance, options);
  const { resamples = 9999, level = 0.95, range = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] } = options;
  const tail = Math.max(1, Math.round((resamples + 1) * ((1 - level) / 2)));
  const cut = (v: number): number => Math.min(range[1], Math.max(range[0], v));
  if (degenerate > DEGENERATE * resamples) {
    const note = 'nearly all patients have the same value: percentile interval';
    const [low, high] = [cut(mean + shifts[tail - 1]!), cut(mean + shifts[resamples - tail]!)];
    return { ...base, low, high, method: 'percentile', note };
  }
  const se = Math.sqrt(variance / n);
  const [low, high] = [cut(mean - t[resamples - tail]! * se), cut(mean - t[tail - 1]! * se)];
  return { ...base, low, high, method: 'bootstrap-t' };
}

/** Means (less the mean) and t of resamples of patients, each sorted. */
function resample(centred: Float64Array, variance: number, options: SummaryOptions) {
  const { rng = createRng('summary'), resamples = 9999 } = options;
  const n = centred.length;
  const means = new Float64Array(resamples);
  const t = new Float64Array(resamples);
  let degenerate = 0;
  for (let b = 0; b < resamples; b++) {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      const d = centred[rng.int(n)]!;
      sum += d;
      squares += d * d;
    }
    const mean = sum / n;
    const spread = (squares - n * mean * mean) / (n - 1);
    means[b] = mean;
    if (spread > 1e-12 * variance) {
      t[b] = mean / Math.sqrt(spread / n);
    } else {
      degenerate++;
      t[b] = mean === 0 ? 0 : Math.sign(mean) * Number.POSITIVE_INFINITY;
    }
  }
  return { means: means.sort(), t: t.sort(), degenerate };
}
