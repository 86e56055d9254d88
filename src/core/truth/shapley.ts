/**
 * Exact Shapley values of m players: φ_j = Σ_S |S|! (m − |S| − 1)! / m! · [v(S ∪ j) − v(S)] over the subsets S without j
 * (Shapley 1953).
 * @param values v of each subset, 2^m of them; bit j of the index: player j is in it.
 * @throws RangeError if their number is no power of two.
 */
export function shapleyValues(values: ArrayLike<number>): Float64Array {
  const m = playersOf(values);
  const weight = Float64Array.from({ length: Math.max(1, m) }, (_, s) => 1 / (m * binomial(m - 1, s)));
  return Float64Array.from({ length: m }, (_, j) => {
    let sum = 0;
    for (let set = 0; set < values.length; set++) {
      if (set & (1 << j)) continue;
      sum += weight[sizeOfSet(set)]! * (values[set | (1 << j)]! - values[set]!);
    }
    return sum;
  });
}

/**
 * 1 − R² of the additive least-squares fit over all subsets, 0 … 1: what no sum of single effects explains. Of the full
 * factorial design the fit is each player's mean difference, and they are orthogonal: R² = Σ_j (d_j / 2)² / Var v. 0
 * where v is the same for all subsets.
 */
export function interactionShare(values: ArrayLike<number>): number {
  const m = playersOf(values);
  const n = values.length;
  const all = Array.from(values);
  const mean = all.reduce((a, b) => a + b, 0) / n;
  const variance = all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n;
  const scale = all.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  // Below the rounding of 32-bit scores nothing varies.
  if (variance <= (1e-7 * scale) ** 2) return 0;
  let explained = 0;
  for (let j = 0; j < m; j++) {
    let difference = 0;
    for (let set = 0; set < n; set++) difference += (set & (1 << j) ? 1 : -1) * all[set]!;
    explained += (difference / n) ** 2;
  }
  return Math.min(1, Math.max(0, 1 - explained / variance));
}

/**
 * Σ|I_jk| / (Σ|I_jk| + Σ|φ_j|) over pairs, 0 … 1, with Shapley's interaction index I_jk = Σ_S |S|! (m − |S| − 2)! /
 * (m − 1)! · [v(S ∪ jk) − v(S ∪ j) − v(S ∪ k) + v(S)] (Grabisch & Roubens 1999). It misses interactions of three: that
 * of an exclusive or of three players is 0, where `interactionShare` is 1. 0 where nothing has an effect.
 */
export function interactionIndex(values: ArrayLike<number>): number {
  const m = playersOf(values);
  const single = shapleyValues(values).reduce((sum, v) => sum + Math.abs(v), 0);
  let pairs = 0;
  for (let j = 0; j < m; j++) {
    for (let k = j + 1; k < m; k++) {
      const [one, other] = [1 << j, 1 << k];
      let sum = 0;
      for (let set = 0; set < values.length; set++) {
        if (set & (one | other)) continue;
        const joint = values[set | one | other]! - values[set | one]! - values[set | other]! + values[set]!;
        sum += joint / ((m - 1) * binomial(m - 2, sizeOfSet(set)));
      }
      pairs += Math.abs(sum);
    }
  }
  return pairs === 0 ? 0 : pairs / (pairs + single);
}

/** v of the game in which groups of players come and go together; `groups` hold each player once. */
export function groupedValues(values: ArrayLike<number>, groups: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from({ length: 2 ** groups.length }, (_, on) => {
    let set = 0;
    groups.forEach((players, g) => {
      if (on & (1 << g)) for (const j of players) set |= 1 << j;
    });
    return values[set]!;
  });
}

function playersOf(values: ArrayLike<number>): number {
  const m = Math.log2(values.length);
  if (!Number.isInteger(m)) throw new RangeError(`values of all subsets are 2^m numbers, not ${values.length}`);
  return m;
}

function sizeOfSet(set: number): number {
  let size = 0;
  for (let rest = set; rest > 0; rest >>= 1) size += rest & 1;
  return size;
}

function binomial(n: number, k: number): number {
  let value = 1;
  for (let i = 1; i <= k; i++) value = (value * (n - k + i)) / i;
  return value;
}
