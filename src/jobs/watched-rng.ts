import type { Rng } from '../core/rng.ts';

/** A random stream that knows whether anything was drawn from it or from its forks. */
export function watchRng(inner: Rng): { readonly rng: Rng; readonly drawn: () => boolean } {
  let drawn = false;
  const wrap = (rng: Rng): Rng => {
    const note = <T>(value: T): T => {
      drawn = true;
      return value;
    };
    return {
      next: () => note(rng.next()),
      int: n => note(rng.int(n)),
      normal: () => note(rng.normal()),
      fork: (...labels) => wrap(rng.fork(...labels)),
      shuffle: items => note(rng.shuffle(items)),
    };
  };
  return { rng: wrap(inner), drawn: () => drawn };
}
