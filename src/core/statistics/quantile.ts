/**
 * A sample quantile, straight between order statistics (Hyndman & Fan's type 7, as in NumPy and R).
 * @param q 0 … 1
 * @throws RangeError without values, or with q out of range.
 */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0 || !(q >= 0 && q <= 1)) {
    throw new RangeError(`quantile ${q} of ${values.length} values does not exist`);
  }
  const sorted = Float64Array.from(values).sort();
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

/** Values needed before a quantile is shown: three expected beyond it (p95: 60); one for the median. */
export function valuesFor(q: number): number {
  return q === 0.5 ? 1 : Math.ceil(3 / Math.min(q, 1 - q) - 1e-9);
}

/** The quantile, or null where there are too few values to carry it. */
export function carriedQuantile(values: readonly number[], q: number): number | null {
  return values.length < valuesFor(q) ? null : quantile(values, q);
}
