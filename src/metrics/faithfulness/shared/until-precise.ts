/** The smallest estimate that is given, as a share of the limit, unless all points are known: few can't tell better. */
const RESOLVED = 0.8;

/** A curve as far as it was looked at. */
export interface AreaPart<Missing extends object = never> {
  /** Estimated error of its area. */
  readonly error: number;
  /** Looks at it where that helps most, or says why a point has no score; absent where all is known. */
  readonly look?: () => Promise<Missing | undefined>;
}

/**
 * Looks at a curve until the estimated error of its area is at most the limit, or all points are known.
 * @param partOf the curve as it is known now
 * @param limitOf the largest error allowed, by what was seen until now
 * @returns the estimated error, or why a point has no score
 */
export async function untilPrecise<Missing extends object = never>(
  partOf: () => AreaPart<Missing>,
  limitOf: () => number,
): Promise<number | Missing> {
  for (;;) {
    const { error, look } = partOf();
    if (!look) return error;
    const limit = limitOf();
    if (error <= limit) return Math.max(error, RESOLVED * limit);
    const missing = await look();
    if (missing) return missing;
  }
}

/** The largest of some values less the smallest. */
export function rangeOf(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}
