import { quantile } from './quantile.ts';

/** One repeat of a measurement. Values of one group measure the same thing: calls that explain the same image. */
export interface Repeat {
  readonly group: number | string;
  /** Above 0. */
  readonly value: number;
}

export interface Stability {
  /** Interquartile range of log values within groups, about (Q3 − Q1) / median; null with too few repeats. */
  readonly dispersion: number | null;
  /** Change over the whole series as a share (0.2: a fifth more at its end), and how likely chance makes one. */
  readonly trend: { readonly change: number; readonly p: number } | null;
  /** Why the median is not to be relied on; empty where nothing speaks against it. */
  readonly reasons: readonly string[];
}

/** Bounds above which a timing says of itself that it is unstable. */
export const UNSTABLE = {
  dispersion: 0.2,
  trend: { p: 0.01, change: 0.05 },
  /** Share of the machine's cores that other processes keep busy. */
  others: 0.25,
} as const;

/** Repeats beyond one per group that a spread needs. */
const LEAST_FREEDOM = 4;

/**
 * Whether repeats scatter or drift, each group taken relative to its own median, so that images that cost more than
 * others don't count as scatter. Drift: Mann and Kendall's rank test over the order of the repeats, and Sen's slope
 * of it. Multiplying all values by a constant changes nothing.
 * @param repeats in the order in which they were measured
 * @throws RangeError for a value that is not above 0
 */
export function stability(repeats: readonly Repeat[]): Stability {
  const groups = new Map<number | string, number[]>();
  for (const { group, value } of repeats) {
    if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`a measurement of ${value} has no logarithm`);
    groups.set(group, [...(groups.get(group) ?? []), Math.log(value)]);
  }
  const medians = new Map([...groups].map(([group, logs]) => [group, quantile(logs, 0.5)]));
  const freedom = repeats.length - groups.size;
  if (freedom < LEAST_FREEDOM) return { dispersion: null, trend: null, reasons: [] };
  // A median takes a part of the scatter away, the more the fewer values it is of.
  const scale = Math.sqrt(repeats.length / freedom);
  const rest = repeats.map(({ group, value }) => Math.log(value) - medians.get(group)!);
  const dispersion = scale * (quantile(rest, 0.75) - quantile(rest, 0.25));
  const trend = { change: Math.expm1(senSlope(rest) * (rest.length - 1)), p: mannKendall(rest) };
  const reasons: string[] = [];
  if (dispersion > UNSTABLE.dispersion) {
    reasons.push(`it scatters: the middle half of its repeats spans ${Math.round(100 * dispersion)} %`);
  }
  if (trend.p < UNSTABLE.trend.p && Math.abs(trend.change) > UNSTABLE.trend.change) {
    const way = trend.change > 0 ? 'slower' : 'faster';
    reasons.push(`it drifts: ${Math.round(100 * Math.abs(trend.change))} % ${way} from the first repeat to the last`);
  }
  return { dispersion, trend, reasons };
}

/** Two-sided p of Mann and Kendall's test for a monotone trend (normal approximation, continuity, ties). */
export function mannKendall(values: readonly number[]): number {
  const n = values.length;
  let s = 0;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) s += Math.sign(values[j]! - values[i]!);
  const counts = new Map<number, number>();
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  const term = (t: number) => t * (t - 1) * (2 * t + 5);
  let variance = term(n);
  for (const t of counts.values()) variance -= term(t);
  if (variance <= 0 || s === 0) return 1;
  return Math.min(1, 2 * upperTail((Math.abs(s) - 1) / Math.sqrt(variance / 18)));
}

/** The median of the slopes between all pairs. */
function senSlope(values: readonly number[]): number {
  const slopes: number[] = [];
  for (let i = 0; i < values.length; i++) {
    for (let j = i + 1; j < values.length; j++) slopes.push((values[j]! - values[i]!) / (j - i));
  }
  return slopes.length === 0 ? 0 : quantile(slopes, 0.5);
}

/** P(Z > z) of a standard normal, z ≥ 0, to 1e-7 (Abramowitz & Stegun 26.2.17). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
