import { factorCholesky, solveFactored } from '../linear/ridge.ts';
import type { Coalitions } from './coalitions.ts';

export interface ShapleyFit {
  /** One per player; they sum to `whole` − `nothing`. */
  readonly values: Float64Array;
  /** By the sandwich estimate over draws; absent where nothing was drawn. */
  readonly standardErrors?: Float64Array;
}

/**
 * Shapley values as the weighted least squares fit of scores in coalitions, under the constraint that values sum to
 * `whole` − `nothing`, by elimination of the last player (Lundberg and Lee 2017, theorem 2; Covert and Lee 2021,
 * equation 7). Exact where all coalitions are there, and on additive games.
 * @param scores One per row of the coalitions.
 * @returns null where the coalitions do not determine the values.
 */
export function shapleyRegression(
  coalitions: Coalitions,
  scores: ArrayLike<number>,
  { whole, nothing }: { readonly whole: number; readonly nothing: number },
): ShapleyFit | null {
  const { design, weights, draw, times } = coalitions;
  const rows = weights.length;
  const players = design.length / rows;
  const free = players - 1;
  const total = whole - nothing;
  const x = (i: number, j: number) => design[i * players + j]! - design[i * players + free]!;
  const target = (i: number) => scores[i]! - nothing - design[i * players + free]! * total;

  const gram = new Float64Array(free * free);
  const moments = new Float64Array(free);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < free; j++) {
      const weighted = weights[i]! * x(i, j);
      if (weighted === 0) continue;
      moments[j]! += weighted * target(i);
      for (let k = 0; k <= j; k++) gram[j * free + k]! += weighted * x(i, k);
    }
  }
  if (!factorCholesky(gram, free)) return null;
  const fitted = solveFactored(gram, moments);
  const values = Float64Array.of(...fitted, total - fitted.reduce((a, b) => a + b, 0));
  if (times.length < 2) return { values };

  // What each draw adds to the normal equations at the solution; those of draws made twice count as two.
  const pulls = times.map(() => new Float64Array(free));
  for (let i = 0; i < rows; i++) {
    const pull = pulls[draw[i]!];
    if (!pull) continue;
    let residual = target(i);
    for (let j = 0; j < free; j++) residual -= x(i, j) * fitted[j]!;
    for (let j = 0; j < free; j++) pull[j]! += weights[i]! * residual * x(i, j);
  }
  const variances = new Float64Array(players);
  pulls.forEach((pull, d) => {
    const moved = solveFactored(gram, pull);
    const last = -moved.reduce((a, b) => a + b, 0);
    for (let j = 0; j < players; j++) variances[j]! += (j < free ? moved[j]! : last) ** 2 / times[d]!;
  });
  return { values, standardErrors: variances.map(Math.sqrt) };
}
