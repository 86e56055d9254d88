import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resizeBilinear, resizeNearest } from '../../../src/core/image/resize.ts';
import { filled, tensor } from '../../../src/core/tensor.ts';
import { golden, goldenIndex, maxDifference } from './golden.ts';

interface Index {
  resize: { pillow_mode: 'L' | 'F'; image: string; to_width: number; to_height: number; file: string }[];
  interpolate: { image: string; file: string }[];
}

const index = goldenIndex<Index>('image-maths.json');

describe('agrees with Pillow (BILINEAR)', () => {
  it.each(index.resize)('$file', ({ pillow_mode, image, to_width, to_height, file }) => {
    const uint8 = pillow_mode === 'L';
    const source = golden(image, uint8 ? 1 : 255);
    const ours = resizeBilinear(source, [to_height, to_width], { antialias: true, uint8 });
    expect(maxDifference(ours, golden(file))).toBeLessThanOrEqual(uint8 ? 0 : 1e-6);
  });
});

describe('agrees with torch interpolate (bilinear, align_corners false)', () => {
  it.each(index.interpolate)('$file', ({ image, file }) => {
    const theirs = golden(file);
    const ours = resizeBilinear(golden(image), [theirs.shape[0]!, theirs.shape[1]!], { antialias: false });
    expect(maxDifference(ours, theirs)).toBeLessThan(2e-6);
  });
});

describe('bilinear', () => {
  const side = fc.integer({ min: 1, max: 12 });

  it('keeps a constant image, whatever the sizes', () => {
    fc.assert(
      fc.property(side, side, side, side, fc.boolean(), (h, w, rows, columns, antialias) => {
        const out = resizeBilinear(filled([h, w], 3), [rows, columns], { antialias });
        expect(out.shape).toEqual([rows, columns]);
        for (const v of out.data) expect(v).toBeCloseTo(3, 5);
      }),
    );
  });

  it('does not depend on antialias when enlarging', () => {
    const image = golden('interpolate/8x8.npy');
    const [a, b] = [true, false].map(antialias => resizeBilinear(image, [19, 30], { antialias }));
    expect(maxDifference(a!, b!)).toBeLessThan(1e-6);
  });

  it('treats channels alone', () => {
    const grey = golden('interpolate/8x8.npy');
    const two = tensor(
      [8, 8, 2],
      Float32Array.from({ length: 128 }, (_, i) => (i % 2 ? 1 : 2) * grey.data[i >> 1]!),
    );
    const out = resizeBilinear(two, [5, 11], { antialias: true });
    const single = resizeBilinear(grey, [5, 11], { antialias: true });
    expect(out.shape).toEqual([5, 11, 2]);
    for (let i = 0; i < 55; i++) expect(out.data[2 * i]).toBeCloseTo(2 * single.data[i]!, 5);
  });

  it('returns a copy where the size stays', () => {
    const image = filled([2, 2], 1);
    expect(resizeBilinear(image, [2, 2], { antialias: true }).data).not.toBe(image.data);
  });

  it('refuses an empty size', () => {
    expect(() => resizeBilinear(filled([2, 2], 1), [0, 2], { antialias: true })).toThrow(RangeError);
    expect(() => resizeBilinear(filled([2, 2, 1, 1], 1), [2, 2], { antialias: true })).toThrow(RangeError);
  });
});

it('nearest repeats pixels when enlarging by a whole factor', () => {
  const out = resizeNearest(tensor([1, 2], Float32Array.of(5, 7)), [2, 4]);
  expect([...out.data]).toEqual([5, 5, 7, 7, 5, 5, 7, 7]);
});

it.each([
  [7, 64, [10, 9, 9, 9, 9, 9, 9]],
  [13, 224, [18, 17, 17, 17, 18, 17, 17, 17, 18, 17, 17, 17, 17]],
  [12, 100, [9, 8, 8, 9, 8, 8, 9, 8, 8, 9, 8, 8]],
])("nearest by corners repeats %i pixels in %i as torch 2.15.0's interpolate(mode='nearest')", (from, to, times) => {
  const pixels = Float32Array.from({ length: from }, (_, i) => i);
  const expected = times.flatMap((n, i) => new Array<number>(n).fill(i));
  expect([...resizeNearest(tensor([1, from], pixels), [1, to], 'corner').data]).toEqual(expected);
  expect([...resizeNearest(tensor([from, 1], pixels), [to, 1], 'corner').data]).toEqual(expected);
});
