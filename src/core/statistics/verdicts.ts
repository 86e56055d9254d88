import { type Differences, shifted } from './differences.ts';
import { type PairComparison, type SeparationOptions, separate } from './separation.ts';

/**
 * `better`, `worse`: by more than the smallest effect of interest, certainly. `open`: neither is shown. A comparison
 * that is open is not shown to be equal.
 */
export type Verdict = 'better' | 'worse' | 'open';

export interface Judged extends Omit<PairComparison, 'separated'> {
  readonly verdict: Verdict;
}

export interface VerdictOptions extends SeparationOptions {
  /** Which sign of a difference is good. */
  readonly better: 'higher' | 'lower';
  /** Smallest effect of interest, in the metric's units, at least 0. Default 0. */
  readonly smallest?: number;
}

/**
 * Verdicts on a family of comparisons, with a chance of at most alpha that any is false: each difference is tested
 * against the smallest effect on its side, by all that `separate` asks for. `p` is of the test on the side of the mean,
 * whose hypothesis is an effect of at most the smallest: 1 where the mean itself is no larger.
 */
export function verdictsOf(d: Differences, { better, smallest = 0, ...options }: VerdictOptions): Judged[] {
  if (!(smallest >= 0 && Number.isFinite(smallest))) {
    throw new RangeError(`the smallest effect of interest must be at least 0; got ${smallest}`);
  }
  const up = separate(shifted(d, smallest), options).comparisons;
  const down = smallest === 0 ? up : separate(shifted(d, -smallest), options).comparisons;
  return up.map((above, c): Judged => {
    const below = down[c]!;
    const mean = above.mean + smallest;
    const { separated, ...own } = mean >= 0 ? above : below;
    const back = mean >= 0 ? smallest : -smallest;
    const larger = smallest === 0 || Math.abs(mean) > smallest;
    const beyond = separated && larger;
    const good = mean > 0 === (better === 'higher');
    return {
      ...own,
      ...(larger ? {} : { p: 1, pSigns: 1, pBootstrap: 1, pSkew: 1 }),
      mean,
      low: own.low === null ? null : own.low + back,
      high: own.high === null ? null : own.high + back,
      verdict: !beyond ? 'open' : good ? 'better' : 'worse',
    };
  });
}
