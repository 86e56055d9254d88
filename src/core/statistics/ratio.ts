import type { Rng } from '../rng.ts';
import { quantile } from './quantile.ts';
import type { Repeat } from './stability.ts';

export interface Ratio {
  /** Of typical values, after / before: the geometric mean over common groups of the ratio of their medians. */
  readonly ratio: number;
  /** Percentile bootstrap interval; null with too few repeats on either side. */
  readonly low: number | null;
  readonly high: number | null;
  /** Repeats used on either side. */
  readonly n: readonly [before: number, after: number];
}

/** Repeats beyond one per group that a side needs for an interval. */
const LEAST_FREEDOM = 3;

/**
 * How much more a measurement is after than before, over the groups (images) that both have: groups may differ as they
 * like. The interval resamples what repeats differ by within groups, pooled over groups and widened for the median
 * that was taken out of few. It tells of repeats, not of what differs from one start of the program to the next.
 * @returns undefined where no group is in both
 * @throws RangeError for a value that is not above 0
 */
export function ratioOf(
  before: readonly Repeat[],
  after: readonly Repeat[],
  { rng, resamples = 1999, level = 0.95 }: { readonly rng: Rng; readonly resamples?: number; readonly level?: number },
): Ratio | undefined {
  const [a, b] = [logsByGroup(before), logsByGroup(after)];
  const common = [...a.keys()].filter(group => b.has(group));
  if (common.length === 0) return undefined;
  const sides = [a, b].map(side => sideOf(common.map(group => side.get(group)!))) as [Side, Side];
  const centre = sides[1].centre - sides[0].centre;
  const n: [number, number] = [sides[0].n, sides[1].n];
  if (sides.some(side => side.n - common.length < LEAST_FREEDOM)) {
    return { ratio: Math.exp(centre), low: null, high: null, n };
  }
  const shifts = Float64Array.from({ length: resamples }, () => resampled(sides[1], rng) - resampled(sides[0], rng));
  const at = (q: number) => Math.exp(centre + quantile([...shifts], q));
  return { ratio: Math.exp(centre), low: at((1 - level) / 2), high: at(1 - (1 - level) / 2), n };
}

interface Side {
  readonly n: number;
  /** Mean over groups of the medians of logs. */
  readonly centre: number;
  readonly counts: readonly number[];
  /** What repeats differ from their group's median by, widened. */
  readonly rest: readonly number[];
}

function sideOf(groups: readonly (readonly number[])[]): Side {
  const medians = groups.map(logs => quantile(logs, 0.5));
  const n = groups.reduce((sum, logs) => sum + logs.length, 0);
  const scale = n > groups.length ? Math.sqrt(n / (n - groups.length)) : 1;
  return {
    n,
    centre: medians.reduce((sum, m) => sum + m, 0) / medians.length,
    counts: groups.map(logs => logs.length),
    rest: groups.flatMap((logs, i) => logs.map(v => scale * (v - medians[i]!))),
  };
}

function resampled({ counts, rest }: Side, rng: Rng): number {
  let sum = 0;
  for (const count of counts) {
    sum += quantile(
      Array.from({ length: count }, () => rest[rng.int(rest.length)]!),
      0.5,
    );
  }
  return sum / counts.length;
}

function logsByGroup(repeats: readonly Repeat[]): Map<Repeat['group'], number[]> {
  const groups = new Map<Repeat['group'], number[]>();
  for (const { group, value } of repeats) {
    if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`a measurement of ${value} has no logarithm`);
    groups.set(group, [...(groups.get(group) ?? []), Math.log(value)]);
  }
  return groups;
}
