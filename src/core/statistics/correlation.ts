import { averageRanks } from './ranks.ts';

/**
 * Pearson's correlation, −1 … 1; null where one side does not vary, or with fewer than two pairs.
 * @throws RangeError if the lengths differ.
 */
export function pearson(x: readonly number[], y: readonly number[]): number | null {
  if (x.length !== y.length) throw new RangeError(`a correlation needs pairs; got ${x.length} and ${y.length} values`);
  const [mx, my] = [mean(x), mean(y)];
  let [sxx, syy, sxy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - mx, y[i]! - my];
    sxx += dx * dx;
    syy += dy * dy;
    sxy += dx * dy;
  }
  if (!(sxx > 0 && syy > 0)) return null;
  return Math.max(-1, Math.min(1, sxy / Math.sqrt(sxx) / Math.sqrt(syy)));
}

/** Spearman's rank correlation, ties at mean ranks; otherwise as `pearson`. */
export function spearman(x: readonly number[], y: readonly number[]): number | null {
  return pearson(averageRanks(x), averageRanks(y));
}

/**
 * Kendall's τ-b: ties on either side count for neither; −1 … 1, null where one side does not vary.
 * @throws RangeError if the lengths differ.
 */
export function kendall(x: readonly number[], y: readonly number[]): number | null {
  if (x.length !== y.length) throw new RangeError(`a correlation needs pairs; got ${x.length} and ${y.length} values`);
  let [sum, varyX, varyY] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    for (let j = i + 1; j < x.length; j++) {
      const [a, b] = [Math.sign(x[i]! - x[j]!), Math.sign(y[i]! - y[j]!)];
      sum += a * b;
      varyX += Math.abs(a);
      varyY += Math.abs(b);
    }
  }
  return varyX > 0 && varyY > 0 ? sum / Math.sqrt(varyX * varyY) : null;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
