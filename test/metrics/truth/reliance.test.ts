import { beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { detection, detectionLimit, relianceOf } from '../../../src/core/statistics/detection-limit.ts';
import { phantom } from '../../../src/data/readers/phantom.ts';

// Pairs of phantom slices that differ by a burnt-in letter, and classifiers whose reliance on it is set by hand.
interface Pair {
  readonly whole: Float32Array;
  readonly without: Float32Array;
  readonly letter: readonly number[];
}
let pairs: Pair[];

beforeAll(async () => {
  pairs = [];
  for (const letter of [1, 0]) {
    const data = await phantom.open({ seed: 'reliance', patients: 8, slices: 1, size: 64, letter }, { base: '.' });
    for await (const sample of data.samples()) {
      if (!sample.factors!.some(f => f.name === 'letter')) continue;
      const pixels = async (variant?: string) => (await (sample as Sample).load(undefined, variant)).source.pixels.data;
      const [whole, without] = [await pixels(), await pixels('without:letter')];
      const changed = [...whole.keys()].filter(p => whole[p] !== without[p]);
      pairs.push({ whole, without, letter: changed });
    }
  }
}, 60_000);

const meanOf = (v: ArrayLike<number>) => Array.from(v).reduce((a, b) => a + b, 0) / v.length;
const sdOf = (v: readonly number[]) => Math.sqrt(v.reduce((s, x) => s + (x - meanOf(v)) ** 2, 0) / (v.length - 1));
/** Mean HU of the image but for the letter's pixels, the same with it and without. */
const elsewhere = ({ letter }: Pair, image: Float32Array) => meanOf(image.filter((_, p) => !letter.includes(p)));
/** 1 where the letter's pixels are as bright as it. */
const seen = ({ letter }: Pair, image: Float32Array) => (letter.every(p => image[p]! > 900) ? 1 : 0);

describe('reliance by paired intervention', () => {
  it('the pairs differ by the letter alone', () => {
    expect(pairs.length).toBe(8);
    for (const { letter } of pairs) {
      expect(letter.length).toBeGreaterThan(10);
      expect(letter.length).toBeLessThan(0.03 * 64 ** 2);
    }
  });

  it.each([0, 0.25, 3, -3])(
    'of a classifier that adds %s SD of its margin for the letter is that, without sign',
    size => {
      const sd = sdOf(pairs.map(pair => elsewhere(pair, pair.without)));
      const margin = (pair: Pair, image: Float32Array) => elsewhere(pair, image) + size * sd * seen(pair, image);
      const found = relianceOf(
        pairs.map(pair => margin(pair, pair.whole)),
        pairs.map(pair => margin(pair, pair.without)),
      );
      expect(found).toBeCloseTo(Math.abs(size), 6);
    },
  );

  it('does not cancel where the letter speaks for the class in one image and against it in another', () => {
    expect(relianceOf([2, -2, 5, 3], [1, -1, 4, 4])).toBeCloseTo(1 / sdOf([1, -1, 4, 4]), 12);
  });

  it('is infinite for what sees the letter alone, and refuses what are no pairs', () => {
    expect(relianceOf([1, 1], [0, 0])).toBe(Number.POSITIVE_INFINITY);
    expect(() => relianceOf([1, 2, 3], [1, 2])).toThrow(/complete/);
    expect(() => relianceOf([1], [1])).toThrow(/two pairs/);
  });
});

describe('detection of classifiers of known reliance', () => {
  // A map shows the reliance, plus what each patient's image adds; all but the explainer is exact.
  const made = (reliance: number, seed: string) => {
    const rng = createRng(seed);
    return { reliance, shown: Array.from({ length: 12 }, () => reliance + 0.5 * rng.normal()) };
  };
  const group = (count: number, reliance: (i: number) => number, name: string) =>
    Array.from({ length: count }, (_, i) => made(reliance(i), `${name} ${i}`));

  it('agreement 0.5, where none relies on the letter, gives one half in expectation', () => {
    const areas = Array.from(
      { length: 24 },
      (_, k) =>
        detection(
          group(20, () => 0, `half ${k}`),
          group(20, () => 0, `reference ${k}`),
          createRng(k),
        ).auc,
    );
    // The SD of the area of 20 against 20 is .092.
    expect(Math.abs(meanOf(areas) - 0.5)).toBeLessThan((4 * 0.092) / Math.sqrt(24));
  });

  it('the limit is a reliance that is detected nearly always, and the bounds never fall', () => {
    const reference = group(20, () => 0, 'none');
    // The SD of a mean over 12 patients is .144: at reliance .6 an area of .998, at .1 of .69.
    const models = group(60, i => i / 60, 'some');
    const { limit, bounds } = detectionLimit(models, reference, createRng('limit'));
    const lows = bounds.map(b => b.low);
    expect(lows).toEqual([...lows].sort((a, b) => a - b));
    expect(limit).toBeGreaterThan(0.4);
    expect(limit).toBeLessThan(1);
    // Every bound is below the true area at its reliance, Φ(r / (.144·√2)).
    const area = (r: number) => 1 - 0.5 * Math.exp(-0.717 * (r / 0.204) - 0.416 * (r / 0.204) ** 2);
    for (const { reliance, low } of bounds) expect(low).toBeLessThan(area(reliance));
    expect(
      detectionLimit(
        group(60, i => i / 600, 'weak'),
        reference,
        createRng('limit'),
      ).limit,
    ).toBeNull();
  });
});
