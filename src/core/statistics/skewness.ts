/** Sample skewness with the bias of normal samples taken out (G₁, as in SciPy with bias=False); 0 where all are equal. */
export function skewness(values: readonly number[]): number {
  const n = values.length;
  if (n < 3) return 0;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  let [squares, cubes] = [0, 0];
  for (const v of values) {
    squares += (v - mean) ** 2;
    cubes += (v - mean) ** 3;
  }
  if (!(squares > 1e-24 * n * mean * mean && squares > 0)) return 0;
  return ((cubes / n / (squares / n) ** 1.5) * Math.sqrt(n * (n - 1))) / (n - 2);
}
