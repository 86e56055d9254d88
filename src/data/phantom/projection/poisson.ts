import type { Rng } from '../../../core/rng.ts';
import { logGamma } from '../../../core/statistics/distributions.ts';

/** A Poisson count. Exact: by products of uniform numbers below a mean of 10, else by transformed rejection (Hörmann 1993). */
export function poisson(rng: Rng, mean: number): number {
  if (mean < 10) {
    const limit = Math.exp(-mean);
    let product = rng.next();
    let count = 0;
    while (product > limit) {
      product *= rng.next();
      count++;
    }
    return count;
  }
  const root = Math.sqrt(mean);
  const b = 0.931 + 2.53 * root;
  const a = -0.059 + 0.02483 * b;
  const accepted = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = rng.next() - 0.5;
    const v = rng.next();
    const us = 0.5 - Math.abs(u);
    const count = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= accepted) return count;
    if (count < 0 || (us < 0.013 && v > us)) continue;
    const height = Math.log(v) + Math.log(1.1239 + 1.1328 / (b - 3.4)) - Math.log(a / (us * us) + b);
    if (height <= count * Math.log(mean) - mean - logGamma(count + 1)) return count;
  }
}
