import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distanceTo } from '../../src/core/image/distance.ts';
import { tensor } from '../../src/core/tensor.ts';

describe('distanceTo', () => {
  it('is the least distance to any pixel of the mask, for any spacing', () => {
    const side = fc.integer({ min: 1, max: 9 });
    const scene = fc.tuple(side, side).chain(([h, w]) =>
      fc.record({
        h: fc.constant(h),
        w: fc.constant(w),
        mask: fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: h * w, maxLength: h * w }),
        spacing: fc.tuple(fc.double({ min: 0.3, max: 5, noNaN: true }), fc.double({ min: 0.3, max: 5, noNaN: true })),
      }),
    );
    fc.assert(
      fc.property(scene, ({ h, w, mask, spacing }) => {
        const found = distanceTo(tensor([h, w], Float32Array.from(mask)), spacing);
        for (let i = 0; i < h * w; i++) {
          let least = Number.POSITIVE_INFINITY;
          mask.forEach((v, j) => {
            const dy = (Math.floor(i / w) - Math.floor(j / w)) * spacing[0];
            const dx = ((i % w) - (j % w)) * spacing[1];
            if (v) least = Math.min(least, Math.hypot(dy, dx));
          });
          if (least === Number.POSITIVE_INFINITY) expect(found[i]).toBe(least);
          else expect(found[i]).toBeCloseTo(least, 9);
        }
      }),
      { numRuns: 300 },
    );
  });
});
