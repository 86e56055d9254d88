/**
 * Distribution functions and quantiles that intervals need: normal, Student's t, beta. Checked against SciPy
 * (test/golden/intervals.json): distribution functions to 1e-12, quantiles to 1e-9, relative.
 */

/** P(Z > z) of a standard normal. A series for small |z| (Marsaglia 2004), a continued fraction for large. */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const density = Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 3) {
    let [term, sum] = [z, z];
    for (let i = 3; term > 1e-17 * sum; i += 2) {
      term *= (z * z) / i;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = z;
  for (let i = 120; i > 0; i--) fraction = z + i / fraction;
  return density / fraction;
}

/** The value that a standard normal stays below with probability p, 0 < p < 1. */
export function normalQuantile(p: number): number {
  inUnit(p, 'a normal quantile');
  if (p > 0.5) return -normalQuantile(1 - p);
  // Abramowitz & Stegun 26.2.23, then Newton's steps.
  const s = Math.sqrt(-2 * Math.log(p));
  let z = s - (2.515517 + s * (0.802853 + s * 0.010328)) / (1 + s * (1.432788 + s * (0.189269 + s * 0.001308)));
  for (let i = 0; i < 4; i++) {
    z += ((normalTail(z) - p) * Math.sqrt(2 * Math.PI)) / Math.exp(-(z * z) / 2);
  }
  return -z;
}

/** The value that Student's t with `df` degrees of freedom stays below with probability p, 0 < p < 1. df may be ∞. */
export function studentQuantile(p: number, df: number): number {
  inUnit(p, "a quantile of Student's t");
  if (!(df > 0)) throw new RangeError(`Student's t needs degrees of freedom above 0; got ${df}`);
  if (p === 0.5) return 0;
  if (p > 0.5) return -studentQuantile(1 - p, df);
  if (df === Number.POSITIVE_INFINITY) return normalQuantile(p);
  // P(|T| > t) = I_x(df/2, 1/2) with x = df / (df + t²); near the middle, where x is close to 1, 1 − x is solved for.
  if (p < 0.25) {
    const x = betaQuantile(2 * p, df / 2, 0.5);
    return -Math.sqrt((df * (1 - x)) / x);
  }
  const y = betaQuantile(1 - 2 * p, 0.5, df / 2);
  return -Math.sqrt((df * y) / (1 - y));
}

/** P(|T| > |t|) of Student's t; df may be ∞. */
export function studentTails(t: number, df: number): number {
  if (df === Number.POSITIVE_INFINITY) return 2 * normalTail(Math.abs(t));
  return incompleteBeta(df / (df + t * t), df / 2, 0.5);
}

/** The value that a beta variable stays below with probability p, 0 < p < 1; a and b above 0, whole or not. */
export function betaQuantile(p: number, a: number, b: number): number {
  inUnit(p, 'a beta quantile');
  let [low, high] = [0, 1];
  let x = a / (a + b);
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b);
  for (let i = 0; i < 200; i++) {
    const above = incompleteBeta(x, a, b) - p;
    if (above > 0) high = x;
    else low = x;
    const density = Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logBeta);
    const newton = x - above / density;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    // Newton's next step would be the square of this one.
    if (Math.abs(next - x) <= 1e-12 * Math.min(x, 1 - x) || high - low <= 1e-15 * high) return next;
    x = next;
  }
  return x;
}

/** P(X ≤ x) of a beta variable, the regularised incomplete beta function (continued fraction, DLMF 8.17.22). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (!(a > 0 && b > 0)) throw new RangeError(`a beta distribution needs shapes above 0; got ${a} and ${b}`);
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges fast below the mean.
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(1 - x, b, a)) / b;
}

/** Lentz's evaluation of the fraction of DLMF 8.17.22. */
function fraction(x: number, a: number, b: number): number {
  const least = 1e-300;
  const guarded = (v: number): number => (Math.abs(v) < least ? least : v);
  let c = 1;
  let d = 1 / guarded(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= 10000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return value;
}

/** ln Γ(x), x > 0: Stirling's series (DLMF 5.11.1), raised to x ≥ 12 by Γ(x + 1) = xΓ(x). */
export function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 12; y++) shift += Math.log(y);
  const terms = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360];
  const series = terms.reduce((sum, term, i) => sum + term / y ** (2 * i + 1), 0);
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

function inUnit(p: number, what: string): void {
  if (!(p > 0 && p < 1)) throw new RangeError(`${what} needs a probability between 0 and 1; got ${p}`);
}
