import { describe, expect, it } from 'vitest';
import {
  type Border,
  convolveSeparable,
  foldedGaussianKernel,
  gaussianBlur,
  gaussianKernel,
} from '../../../src/core/image/blur.ts';
import { sobelMagnitude } from '../../../src/core/image/sobel.ts';
import { filled, tensor } from '../../../src/core/tensor.ts';
import { golden, goldenIndex, maxDifference } from './golden.ts';

interface Index {
  gaussian: { image: string; sigma: number; mode: 'nearest' | 'constant'; file: string }[];
}

describe('gaussianBlur agrees with SciPy', () => {
  it.each(goldenIndex<Index>('image-maths.json').gaussian)('$file', ({ image, sigma, mode, file }) => {
    const border = mode === 'constant' ? 'zero' : 'nearest';
    expect(maxDifference(gaussianBlur(golden(image), sigma, { border }), golden(file))).toBeLessThan(1e-6);
  });
});

describe('blur', () => {
  it.each<Border>(['nearest', 'reflect'])('keeps a constant image with border %s', border => {
    for (const v of gaussianBlur(filled([5, 9, 3], 2), 3, { border }).data) expect(v).toBeCloseTo(2, 6);
  });

  it('blurs one axis alone', () => {
    const impulse = tensor([5, 5]);
    impulse.data[12] = 1;
    const { data } = gaussianBlur(impulse, [0, 1]);
    expect(data[12]).toBeGreaterThan(0);
    expect(data[11]).toBeGreaterThan(0);
    expect(data[7]).toBe(0);
  });

  it('mirrors far beyond the edge', () => {
    const [a, b] = [1, 3];
    const mirrored = convolveSeparable(
      tensor([1, 2], Float32Array.of(a, b)),
      null,
      Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0),
      'reflect',
    );
    // … a b b a | a b | b a …: four to the left of a and of b.
    expect([...mirrored.data]).toEqual([a, b]);
  });

  it('kernels sum to 1', () => {
    for (const kernel of [gaussianKernel(1.7), gaussianKernel(5, 3), foldedGaussianKernel(11, 5)]) {
      expect(kernel.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      expect([...kernel]).toEqual([...kernel].reverse());
    }
  });

  it("RISE's folded kernel has 11 taps and an SD of 3.13 pixels", () => {
    const kernel = foldedGaussianKernel(11, 5);
    expect(kernel).toHaveLength(11);
    const variance = kernel.reduce((sum, w, i) => sum + w * (i - 5) ** 2, 0);
    expect(Math.sqrt(variance)).toBeCloseTo(3.13, 2);
  });
});

describe('sobelMagnitude', () => {
  it('is the slope of a ramp', () => {
    const ramp = tensor(
      [5, 6],
      Float32Array.from({ length: 30 }, (_, i) => 3 * Math.floor(i / 6) + 4 * (i % 6)),
    );
    expect(sobelMagnitude(ramp).data[2 * 6 + 3]).toBeCloseTo(5, 6);
  });

  it('is zero where nothing changes', () => {
    expect(Math.max(...sobelMagnitude(filled([4, 4], 7)).data)).toBe(0);
  });
});
