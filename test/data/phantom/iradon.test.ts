import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AXIS_BIN, angleOf, SCAN } from '../../../src/data/phantom/projection/geometry.ts';
import { reconstruction } from '../../../src/data/phantom/projection/reconstruction.ts';

interface Reference {
  /** x, y, two SDs, angle, height; mm. */
  readonly gaussians: readonly (readonly [number, number, number, number, number, number])[];
  readonly size: number;
  readonly spacing: number;
  readonly pixels: readonly { column: number; row: number; soft: number; sharp: number }[];
}

const reference = JSON.parse(readFileSync('test/golden/iradon.json', 'utf8')) as Reference;

/** Line integrals of Gaussian hills, by formula. */
function gaussianViews(): Float32Array {
  return Float32Array.from({ length: SCAN.views * SCAN.bins }, (_, k) => {
    const angle = angleOf(Math.floor(k / SCAN.bins));
    const s = ((k % SCAN.bins) - AXIS_BIN) * SCAN.bin;
    return reference.gaussians.reduce((sum, [x, y, a, b, phi, value]) => {
      const square = (a * Math.cos(angle - phi)) ** 2 + (b * Math.sin(angle - phi)) ** 2;
      const d = s - x * Math.cos(angle) - y * Math.sin(angle);
      return sum + (value * a * b * Math.sqrt(2 * Math.PI) * Math.exp(-(d * d) / square / 2)) / Math.sqrt(square);
    }, 0);
  });
}

test.each(['soft', 'sharp'] as const)('filtered back-projection with the %s kernel is that of scikit-image', kernel => {
  const { size, spacing, pixels } = reference;
  const edge = -((size - 1) / 2) * spacing;
  const image = reconstruction(kernel, { size, spacing, x0: edge, y0: edge }).image(gaussianViews());
  // About 1 HU: the detectors differ by half a bin, between which both interpolate.
  for (const { column, row, ...value } of pixels) {
    expect(Math.abs(image[row * size + column]! - value[kernel])).toBeLessThan(0.0012);
  }
});
