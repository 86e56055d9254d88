const BINS = 100;

/** The entropy, in nats, of a map's histogram of 100 equal bins from its smallest to its largest value; 0 … ln 100. */
export function histogramEntropy(values: Float32Array): number {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!(high > low)) return 0;
  const counts = new Float64Array(BINS);
  for (const v of values) counts[Math.min(BINS - 1, Math.floor(((v - low) / (high - low)) * BINS))]!++;
  let entropy = 0;
  for (const n of counts) if (n > 0) entropy -= (n / values.length) * Math.log(n / values.length);
  return entropy;
}
