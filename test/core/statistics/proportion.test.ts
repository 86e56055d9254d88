import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanShare, shareInterval, shareOfImages, shareOfPatients } from '../../../src/core/statistics/proportion.ts';

const counts = fc.array(
  fc
    .integer({ min: 1, max: 6 })
    .chain(images => fc.record({ hits: fc.integer({ min: 0, max: images }), images: fc.constant(images) })),
  { minLength: 2, maxLength: 30 },
);

describe('intervals of shares', () => {
  it('hold the share, lie in 0 … 1, and mirror when hits and misses change places', () => {
    fc.assert(
      fc.property(counts, given => {
        for (const shareOf of [shareOfImages, shareOfPatients]) {
          const share = shareOf(given)!;
          const { low, high } = shareInterval(share);
          expect(low).toBeGreaterThanOrEqual(0);
          expect(low).toBeLessThanOrEqual(share.value + 1e-12);
          expect(high).toBeGreaterThanOrEqual(share.value - 1e-12);
          expect(high).toBeLessThanOrEqual(1);
          const turned = shareInterval(shareOf(given.map(({ hits, images }) => ({ hits: images - hits, images })))!);
          expect(turned.low).toBeCloseTo(1 - high, 8);
          expect(turned.high).toBeCloseTo(1 - low, 8);
        }
      }),
    );
  });

  it('more of the same patients’ images that agree with the first say nothing new', () => {
    const one = Array.from({ length: 12 }, (_, i) => ({ hits: i < 7 ? 1 : 0, images: 1 }));
    const five = one.map(({ hits }) => ({ hits: 5 * hits, images: 5 }));
    const [a, b] = [one, five].map(given => shareInterval(shareOfImages(given)!));
    expect(b!.high - b!.low).toBeGreaterThanOrEqual(a!.high - a!.low);
    expect(b!.high - b!.low).toBeLessThan(1.2 * (a!.high - a!.low));
  });

  it('have no share of nothing', () => {
    expect(shareOfImages([])).toBeUndefined();
    expect(shareOfPatients([{ hits: 0, images: 0 }])).toBeUndefined();
    expect(meanShare([new Map(), new Map()], 0)).toBeUndefined();
  });

  it('a mean over classes is worth at most the images there are', () => {
    const of = (hits: number, n: number, name: string) =>
      new Map(Array.from({ length: n }, (_, i) => [`${name}${i}`, { hits: i < hits ? 1 : 0, images: 1 }]));
    const share = meanShare([of(3, 6, 'a'), of(4, 8, 'b'), new Map()], 14)!;
    expect(share).toMatchObject({ value: 0.5, patients: expect.closeTo(4 / (1 / 6 + 1 / 8)) });
    expect(share.images).toBeCloseTo(4 / (1 / 6 + 1 / 8));
    const alone = shareInterval(shareOfImages([...of(3, 6, 'a').values()])!);
    const both = shareInterval(share);
    expect(both.high - both.low).toBeLessThan(alone.high - alone.low);
  });
});
