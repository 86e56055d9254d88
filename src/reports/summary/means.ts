import type { Passes } from '../../results/rows.ts';

/** Mean, extremes and count of each named number. */
export type Means = ReadonlyMap<
  string,
  { readonly mean: number; readonly min: number; readonly max: number; readonly n: number }
>;

export interface MeansDraft {
  add(numbers: Readonly<Record<string, number>> | undefined): void;
  finish(): Means;
}

/** Numbers that are not finite are left out of the mean and of n. */
export function createMeans(): MeansDraft {
  const held = new Map<string, { sum: number; min: number; max: number; n: number }>();
  return {
    add(numbers) {
      for (const [name, value] of Object.entries(numbers ?? {})) {
        if (!Number.isFinite(value)) continue;
        const entry = held.get(name) ?? { sum: 0, min: value, max: value, n: 0 };
        held.set(name, entry);
        entry.sum += value;
        entry.min = Math.min(entry.min, value);
        entry.max = Math.max(entry.max, value);
        entry.n++;
      }
    },
    finish: () => new Map([...held].map(([name, { sum, min, max, n }]) => [name, { mean: sum / n, min, max, n }])),
  };
}

/** Mean passes of a unit of work, over the `n` units that counted them. */
export interface PassMeans {
  readonly n: number;
  readonly forward: number;
  readonly backward: number;
}

export interface PassMeansDraft {
  add(passes: Passes | undefined): void;
  finish(): PassMeans;
}

export function createPassMeans(): PassMeansDraft {
  let [n, forward, backward] = [0, 0, 0];
  return {
    add(passes) {
      if (!passes) return;
      n++;
      forward += passes.forward;
      backward += passes.backward;
    },
    finish: () => ({ n, forward: n ? forward / n : 0, backward: n ? backward / n : 0 }),
  };
}
