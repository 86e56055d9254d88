import type { Source } from '../contracts/index.ts';

/** Values that no tissue, metal or air has lie outside, in HU. */
const POSSIBLE = [-2048, 10_000] as const;
/** A slice of the chest has lung in it, or air around it: something below this, in HU. */
const AIR = -300;

/** What is odd about the values of an image in HU: `impossible` ones, or no `air`, as where nothing was rescaled. */
export type ValueDoubt = 'impossible' | 'airless';

/** The least and greatest value of an image, and what is odd about them. */
export function valueRange({ pixels, unit }: Pick<Source, 'pixels' | 'unit'>): {
  readonly low: number;
  readonly high: number;
  readonly doubt?: ValueDoubt;
} {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of pixels.data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (unit !== 'HU') return { low, high };
  if (low < POSSIBLE[0] || high > POSSIBLE[1]) return { low, high, doubt: 'impossible' };
  return low > AIR ? { low, high, doubt: 'airless' } : { low, high };
}

/** Of each doubt: what such images are, and what to look at. */
export const DOUBTS: Readonly<Record<ValueDoubt, { readonly what: string; readonly hint: string }>> = {
  impossible: {
    what: 'with values that no tissue has (below −2048 or above 10,000 HU)',
    hint: 'Look at the rescale slope and intercept, and at padding.',
  },
  airless: {
    what: 'without any air (nothing below −300 HU)',
    hint: 'The values may be stored values that were never rescaled to Hounsfield units.',
  },
};
