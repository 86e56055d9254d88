/**
 * Which points of a curve to look at, so that the area under it is known well enough from fewer than all.
 *
 * Between two neighbouring points the raw score (log-odds, where a probability is followed) is taken for a Brownian
 * bridge whose variance per unit of x is what its increments show there. A probability near 0 or 1 hides how far the
 * log-odds move; the bridge knows. A piece can look flat by chance, so that it is given no less than its neighbours'
 * variance, and a share of the whole curve's.
 */

/** Where a curve is looked at first, as fractions of the grid: closer together at the ends, where most curves bend. */
const FIRST = [0.03, 0.08, 0.17, 0.3, 0.45, 0.6, 0.75, 0.88, 0.96];
/** Points of one wave at most, and as a share of those known: no business of the machine's, so that all choose alike. */
const WAVE = 4;
const GROWTH = 0.2;
/** A piece is halved only where its variance is at least this share of the largest. */
const WORTH = 0.2;
/** The share of the whole curve's variance in that of a piece. */
const WHOLE = 0.4;
/** The least share of a piece's rise that is the curve's own, and not the chance of its ends. */
const OWN = 0.5;
/**
 * Standard deviations that the estimate stands for: so many where the variance is well known. Few points tell it badly, as
 * with Student's t, so that it is 1 + 10 / points times as many. Measured, see docs/precision.md.
 */
const DEVIATIONS = 1.75;
const FEW = 10;
/** How many times as many for one order among ties, which is noise from point to point. */
const OF_NOISE = 1.8;
/** Raw scores beyond these are those of a saturated probability. */
const SATURATED = 40;

/** Places within a piece, and Gauss–Hermite nodes and weights for a normal variable there. */
const PLACES = [0.1, 0.3, 0.5, 0.7, 0.9];
const NODES: readonly (readonly [node: number, weight: number])[] = [
  [-2.856970013872806, 0.011257411327720691],
  [-1.355626179974266, 0.22207592200561266],
  [0, 0.5333333333333333],
  [1.355626179974266, 0.22207592200561266],
  [2.856970013872806, 0.011257411327720691],
];
/** From the mean standard deviation at these places to that of the area: √(1/12) ÷ mean √(t (1 − t)). */
const AREA = Math.sqrt(1 / 12) / (PLACES.reduce((sum, t) => sum + Math.sqrt(t * (1 - t)), 0) / PLACES.length);

/** Indices of the grid 0 … `last` that are looked at first, both ends included. */
export function firstPoints(last: number): number[] {
  const inner = FIRST.map(f => Math.round(f * last)).filter(i => i > 0 && i < last);
  return [...new Set([0, ...inner, last])];
}

/** What is known of a curve. */
export interface SeenCurve {
  /** Points of the grid that are known, ascending, with both ends. */
  readonly index: readonly number[];
  /** Of those points, ascending. */
  readonly x: readonly number[];
  /** Raw scores of those points. */
  readonly raw: readonly number[];
  /** What the raw scores owe to chance, where a point is the mean of some of the orders of a tie. */
  readonly noise?: PointNoise;
}

export interface PointNoise {
  /** Variance of each raw score over the orders that might have been looked at. */
  readonly raw: readonly number[];
  /** Variance of what is followed at each point about the mean of all orders. */
  readonly followed: readonly number[];
}

/** What is known of the area after some points. */
export interface AreaError {
  /** For 19 curves of 20 the true error, against the trapezoids of all points of the grid, is at most this. */
  readonly error: number;
  /** Indices of the grid to look at next, ascending; empty where all points are known. */
  readonly next: readonly number[];
}

/**
 * @param follow what the area is under, from raw scores
 * @param course `noise`: it goes up and down within few points, as one order among ties does
 */
export function errorOfArea(
  { index, x, raw, noise }: SeenCurve,
  follow: (raw: number) => number,
  course: 'curve' | 'noise' = 'curve',
): AreaError {
  // Values without such a limit, as those of a regression, may be any number.
  const limit = saturates(follow) ? SATURATED : Number.POSITIVE_INFINITY;
  const y = raw.map(v => Math.min(limit, Math.max(-limit, v)));
  const pieces = index.length - 1;
  const rise = Array.from({ length: pieces }, (_, i) => {
    const seen = (y[i + 1]! - y[i]!) ** 2;
    return noise ? Math.max(seen - noise.raw[i]! - noise.raw[i + 1]!, OWN * seen) : seen;
  });
  const whole = rise.reduce((a, b) => a + b, 0) / (x[pieces]! - x[0]!);
  const own = rise.map((r, i) => r / (x[i + 1]! - x[i]!));
  const deviation = own.map((v, i) => {
    const cells = index[i + 1]! - index[i]!;
    if (cells < 2) return 0;
    const near = Math.max(v, own[i - 1] ?? 0, own[i + 1] ?? 0);
    const local = (1 - WHOLE) * near + WHOLE * whole;
    const width = x[i + 1]! - x[i]!;
    const sum = PLACES.reduce((all, t) => {
      const mean = y[i]! + t * (y[i + 1]! - y[i]!);
      return all + followedDeviation(mean, Math.sqrt(local * width * t * (1 - t)), follow);
    }, 0);
    // Against trapezoids of a grid, not against the integral.
    return AREA * (sum / PLACES.length) * width * Math.sqrt(1 - 1 / cells ** 2);
  });
  // Each point's chance counts as often as the trapezoids beside it are wide.
  const chance = x.map((_, i) => {
    const wide = ((x[i + 1] ?? x[i]!) - (x[i - 1] ?? x[i]!)) / 2;
    return noise ? wide ** 2 * noise.followed[i]! : 0;
  });
  const variance = deviation.map((d, i) => d ** 2 + (chance[i]! + chance[i + 1]!) / 2);
  const halved = [...variance.keys()].filter(i => index[i + 1]! - index[i]! > 1);
  const largest = Math.max(0, ...halved.map(i => variance[i]!));
  const next = halved
    .filter(i => variance[i]! >= WORTH * largest)
    .sort((a, b) => variance[b]! - variance[a]! || a - b)
    .slice(0, Math.max(WAVE, Math.floor(GROWTH * index.length)))
    .map(i => (index[i]! + index[i + 1]!) >> 1)
    .sort((a, b) => a - b);
  const deviations = DEVIATIONS * (1 + FEW / index.length) * (course === 'noise' ? OF_NOISE : 1);
  return { error: deviations * Math.hypot(...deviation, ...chance.map(Math.sqrt)), next };
}

/** The standard deviation of `follow` of a normal variable. */
export function followedDeviation(mean: number, deviation: number, follow: (raw: number) => number): number {
  let [first, second] = [0, 0];
  for (const [node, weight] of NODES) {
    const value = follow(mean + deviation * node);
    first += weight * value;
    second += weight * value * value;
  }
  return Math.sqrt(Math.max(0, second - first * first));
}

/** Whether raw scores beyond the limit are all alike. */
function saturates(follow: (raw: number) => number): boolean {
  return [-1, 1].every(sign => Math.abs(follow(sign * SATURATED) - follow(2 * sign * SATURATED)) < 1e-9);
}
