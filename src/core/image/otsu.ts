const BINS = 256;

/**
 * Otsu's threshold (1979): it parts values into two classes with the largest variance between them. By a histogram of
 * 256 equal bins from the smallest to the largest value; the threshold is the upper edge of a bin, so that all of a bin
 * lies on one side of it (scikit-image gives the bin's middle).
 * @returns null where values do not vary
 */
export function otsuThreshold(values: ArrayLike<number>): number | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  if (!(high > low)) return null;
  const counts = new Float64Array(BINS);
  for (let i = 0; i < values.length; i++) {
    counts[Math.min(BINS - 1, Math.floor(((values[i]! - low) / (high - low)) * BINS))]!++;
  }
  const centre = (bin: number) => low + ((bin + 0.5) / BINS) * (high - low);
  const all = values.length;
  const mean = counts.reduce((sum, n, bin) => sum + n * centre(bin), 0);
  let [below, sum, best, last] = [0, 0, -1, 0];
  for (let bin = 0; bin + 1 < BINS; bin++) {
    below += counts[bin]!;
    sum += counts[bin]! * centre(bin);
    if (below === 0 || below === all) continue;
    const between = below * (all - below) * (sum / below - (mean - sum) / (all - below)) ** 2;
    if (between > best) [best, last] = [between, bin];
  }
  return low + ((last + 1) / BINS) * (high - low);
}
