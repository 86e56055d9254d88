/** The smallest estimate that is given, as a share of the limit, unless all points are known: few can't tell better. */
const RESOLVED = 0.8;

/** A curve whose area is part of the result, as far as it was looked at. */
export interface AreaPart<Missing extends object = never> {
  /** Estimated error of its area. */
  readonly error: number;
  /** Points that are known. */
  readonly points: number;
  /** Looks at it where that helps most, or says why a point has no score; absent where all is known. */
  readonly look?: () => Promise<Missing | undefined>;
}

/**
 * Looks at curves, each time at the one where a pass takes most off the variance (errors fall about as 1 / points), until
 * the estimated error of the sum or difference of their areas is at most the limit, or all points are known.
 * @param partsOf the curves as they are known now
 * @param limitOf the largest error allowed, by what was seen until now
 * @returns the estimated error, or why a point has no score
 */
export async function untilPrecise<Missing extends object = never>(
  partsOf: () => readonly AreaPart<Missing>[],
  limitOf: () => number,
): Promise<number | Missing> {
  for (;;) {
    const parts = partsOf();
    const error = Math.hypot(...parts.map(p => p.error));
    const open = parts.filter(p => p.look);
    if (open.length === 0) return error;
    const limit = limitOf();
    if (error <= limit) return Math.max(error, RESOLVED * limit);
    const worth = (p: AreaPart<Missing>) => p.error ** 2 / p.points;
    const best = open.reduce((a, b) => (worth(b) > worth(a) ? b : a));
    const missing = await best.look!();
    if (missing) return missing;
  }
}

/** The largest of some values less the smallest. */
export function rangeOf(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}
