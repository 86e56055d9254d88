import type { MaxT } from './max-t.ts';

/** A pair whose order a stratum turns round, both significantly. */
export interface Reversal {
  readonly stratum: string;
  /** Columns: over all, `ahead` is before `behind`; in the stratum it is after. */
  readonly ahead: number;
  readonly behind: number;
}

/** Pairs that a stratum orders the other way, each test with its own family-wise error. */
export function reversals(
  all: MaxT,
  strata: readonly { readonly name: string; readonly test: MaxT }[],
  better: 'higher' | 'lower',
): Reversal[] {
  return strata.flatMap(({ name, test }) =>
    all.pairs.flatMap(({ a, b, difference, significant }) => {
      const other = test.pairs.find(pair => pair.a === a && pair.b === b);
      if (!significant || !other?.significant || other.difference * difference >= 0) return [];
      const aAhead = difference > 0 === (better === 'higher');
      return [{ stratum: name, ahead: aAhead ? a : b, behind: aAhead ? b : a }];
    }),
  );
}
