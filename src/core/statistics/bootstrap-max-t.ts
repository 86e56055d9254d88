import type { Rng } from '../rng.ts';
import { type Differences, type Moments, momentsOf } from './differences.ts';

export interface BootstrapMaxT {
  /** Of the mean over its standard error, adjusted for all comparisons. */
  readonly p: Float64Array;
  /** Of the same, corrected for skewness. */
  readonly pSkew: Float64Array;
  /** By how many standard errors an interval reaches to either side, if all are to hold at once; may be ∞. */
  readonly reach: Float64Array;
}

/** Variances below this share of the comparison's own count as none. */
const NO_SPREAD = 1e-9;

/**
 * Single-step max-T by the studentised bootstrap of patients, which needs no symmetry: every comparison's statistic is
 * held against the largest of all comparisons in resamples whose mean is 0 (Romano & Wolf 2005). Two statistics over
 * the same resamples: |t|, and |t| corrected for skewness by Hall's monotone cubic (1992, J. R. Statist. Soc. B 54).
 *
 * A comparison without spread in a resample has t* = 0 if its mean has not moved. If it has, t* is beyond all bounds:
 * that counts against this comparison, and not against the others, so that two explainers that differ in one patient
 * do not make all others inseparable. Without spread in the sample, its mean never moves: it is as separated as can be,
 * or, where all differences are 0, not at all.
 */
export function bootstrapMaxT(d: Differences, resamples: number, rng: Rng, alpha = 0.05): BootstrapMaxT {
  const { patients: n, comparisons: k, values } = d;
  const moments = Array.from({ length: k }, (_, c) => momentsOf(d, c));
  const centred = centredOf(d, moments);
  const bars = moments.map(own => statisticsOf(own, own.mean));
  const largest = { t: new Float64Array(resamples), skew: new Float64Array(resamples) };
  const lost = new Float64Array(k);
  const lostIn = new Uint8Array(k * resamples);
  const complete = !values.some(Number.isNaN);
  const drawn = new Float64Array(n);
  const [sums, squares, cubes, counts] = [0, 0, 0, 0].map(() => new Float64Array(k)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let b = 0; b < resamples; b++) {
    drawn.fill(0);
    for (let i = 0; i < n; i++) drawn[rng.int(n)]!++;
    for (const of of [sums, squares, cubes]) of.fill(0);
    counts.fill(complete ? n : 0);
    for (let i = 0; i < n; i++) {
      const times = drawn[i]!;
      if (times === 0) continue;
      const row = i * k;
      for (let c = 0; c < k; c++) {
        const z = centred[row + c]!;
        const one = times * z;
        sums[c]! += one;
        squares[c]! += one * z;
        cubes[c]! += one * z * z;
      }
      if (!complete) for (let c = 0; c < k; c++) if (!Number.isNaN(values[row + c]!)) counts[c]! += times;
    }
    let [t, skew] = [0, 0];
    for (let c = 0; c < k; c++) {
      const m = counts[c]!;
      const mean = m > 0 ? sums[c]! / m : 0;
      // Differences are scaled to a variance of 1 (divisor n).
      const variance = m > 1 ? squares[c]! / m - mean * mean : 0;
      if (variance > NO_SPREAD) {
        const u = (mean / Math.sqrt(variance)) * Math.sqrt((m - 1) / m);
        const third = cubes[c]! / m - (3 * mean * squares[c]!) / m + 2 * mean * mean * mean;
        const size = Math.abs(u) * Math.sqrt(m);
        if (size > t) t = size;
        const corrected = Math.abs(hall(u, third / (variance * Math.sqrt(variance)), m));
        if (corrected > skew) skew = corrected;
      } else if (m < 2 || Math.abs(mean) > NO_SPREAD) {
        lostIn[b * k + c] = 1;
        lost[c]!++;
      }
    }
    largest.t[b] = t;
    largest.skew[b] = skew;
  }
  const pOf = (of: Float64Array, bar: (c: number) => number): Float64Array =>
    Float64Array.from({ length: k }, (_, c) => {
      const least = bar(c) * (1 - 1e-10);
      let reached = 1;
      for (let b = 0; b < resamples; b++) if (of[b]! >= least || lostIn[b * k + c] === 1) reached++;
      return reached / (resamples + 1);
    });
  const p = pOf(largest.t, c => bars[c]!.t);
  const pSkew = pOf(largest.skew, c => bars[c]!.skew);
  const sorted = largest.t.sort();
  const reach = lost.map(times => sorted[Math.ceil((1 - alpha) * (resamples + 1) + times) - 1] ?? Infinity);
  return { p, pSkew, reach };
}

/** Hall's cubic of t = u√m, from the skewness of the differences. */
function hall(u: number, skewness: number, m: number): number {
  const cubic = u + (skewness * u * u) / 3 + (skewness * skewness * u * u * u) / 27 + skewness / (6 * m);
  return cubic * Math.sqrt(m);
}

function statisticsOf({ patients: m, squares, cubes }: Moments, mean: number): { t: number; skew: number } {
  if (squares === 0) {
    const size = mean === 0 ? 0 : Number.POSITIVE_INFINITY;
    return { t: size, skew: size };
  }
  const u = mean / Math.sqrt(squares / (m - 1));
  const skewness = cubes / m / (squares / m) ** 1.5;
  return { t: Math.abs(u) * Math.sqrt(m), skew: Math.abs(hall(u, skewness, m)) };
}

/** Differences less their mean, scaled to a variance of 1; 0 where they are missing or have no spread. */
function centredOf({ patients: n, comparisons: k, values }: Differences, moments: readonly Moments[]): Float64Array {
  const centred = new Float64Array(n * k);
  moments.forEach(({ patients: m, mean, squares }, c) => {
    if (squares === 0) return;
    const scale = Math.sqrt(m / squares);
    for (let i = 0; i < n; i++) {
      const d = values[i * k + c]!;
      if (!Number.isNaN(d)) centred[i * k + c] = (d - mean) * scale;
    }
  });
  return centred;
}
