/**
 * Where a curve of which some points are known first reaches a level, and how likely it did so before. Between two
 * points below the level the curve is taken for a Brownian bridge, which reaches it with probability exp(−2 a b / (v w)):
 * a and b below the level, v the variance per unit of x that the curve shows there, w the width.
 */

/** How much of a neighbouring piece's variance, and of the whole curve's, a piece has at least. */
const NEIGHBOUR = 0.5;
const WHOLE = 0.2;
/** In one curve of this many the level may be reached farther off than the error says. */
const UNLIKELY = 0.05;
const SATURATED = 40;
/** Points that are looked at next, at most. */
const WAVE = 4;

/** A curve that reaches the level at its last point at the latest. */
export interface RisingCurve {
  /** Points of the grid that are known, ascending, with both ends. */
  readonly index: readonly number[];
  readonly x: readonly number[];
  /** By how much each point is above the level; it is reached where that is not negative. */
  readonly above: readonly number[];
}

export interface Passages {
  /** For each curve, the place in its list of the first point known that is not below the level. */
  readonly at: readonly number[];
  /** In 19 of 20 cases the mean over the curves of x at that point is too large by no more than this. */
  readonly error: number;
  /** Indices of the grid to look at next, ascending; empty where nothing more can be known. */
  readonly next: readonly number[];
}

export function firstPassages(curves: readonly RisingCurve[]): Passages {
  const at = curves.map(({ above }) => above.findIndex(a => a >= 0));
  const gaps = curves.flatMap((curve, c) => gapsBefore(curve, at[c]!));
  // Orders of one map reach the level together, so that all may be off where one is.
  const ordered = [...gaps].sort((a, b) => b.distance - a.distance);
  let [sure, error] = [0, 0];
  for (const { probability, distance } of ordered) {
    sure += probability;
    if (sure > UNLIKELY) {
      error = distance;
      break;
    }
  }
  const next = [...gaps]
    .sort((a, b) => b.probability * b.distance - a.probability * a.distance)
    .slice(0, WAVE)
    .map(gap => gap.middle);
  return { at, error, next: [...new Set(next)].sort((a, b) => a - b) };
}

interface Gap {
  /** That the level is reached within. */
  readonly probability: number;
  /** From its beginning to where the level is first known to be reached. */
  readonly distance: number;
  readonly middle: number;
}

function gapsBefore({ index, x, above }: RisingCurve, at: number): Gap[] {
  const y = above.map(a => Math.min(SATURATED, Math.max(-SATURATED, a)));
  const own = y.slice(1).map((v, i) => (v - y[i]!) ** 2 / (x[i + 1]! - x[i]!));
  const rise = own.reduce((sum, v, i) => sum + v * (x[i + 1]! - x[i]!), 0);
  const whole = rise / (x.at(-1)! - x[0]!);
  return Array.from({ length: at }, (_, i) => i)
    .filter(i => index[i + 1]! - index[i]! > 1)
    .map(i => {
      const near = Math.max(own[i]!, NEIGHBOUR * (own[i - 1] ?? 0), NEIGHBOUR * (own[i + 1] ?? 0));
      const variance = ((1 - WHOLE) * near + WHOLE * whole) * (x[i + 1]! - x[i]!);
      const reached = i + 1 === at ? 1 : Math.exp((-2 * y[i]! * y[i + 1]!) / variance);
      return {
        probability: variance > 0 || i + 1 === at ? reached : 0,
        distance: x[at]! - x[i]!,
        middle: (index[i]! + index[i + 1]!) >> 1,
      };
    });
}
