import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeExtended } from '../../src/data/dicom/codecs/jpeg-extended.ts';
import { encodeTwelveBits } from './jpeg-twelve-bits.ts';

const values = (pixels: Uint8Array) => [...new Uint16Array(pixels.buffer, pixels.byteOffset, pixels.length / 2)];

describe('JPEG of 12 bits (process 4)', () => {
  it('gives back what was encoded, to one step, for any size and any interval of restart markers', () => {
    const picture = fc
      .record({ width: fc.integer({ min: 1, max: 19 }), height: fc.integer({ min: 1, max: 19 }) })
      .chain(({ width, height }) =>
        fc.record({
          width: fc.constant(width),
          height: fc.constant(height),
          pixels: fc.array(fc.integer({ min: 0, max: 4095 }), { minLength: width * height, maxLength: width * height }),
          restart: fc.integer({ min: 0, max: 3 }),
        }),
      );
    fc.assert(
      fc.property(picture, ({ width, height, pixels, restart }) => {
        const { pixels: found, info } = decodeExtended(encodeTwelveBits(pixels, width, height, restart));
        expect(info).toEqual({ width, height, componentCount: 1 });
        // Coefficients are rounded to whole numbers: an error of 0.5 each adds up to at most 4 in a pixel.
        for (const [i, v] of values(found).entries()) expect(Math.abs(v - pixels[i]!)).toBeLessThanOrEqual(4);
      }),
      { numRuns: 60 },
    );
  });

  it('of a constant picture every value is exact', () => {
    const { pixels } = decodeExtended(encodeTwelveBits(new Array<number>(100).fill(1234), 10, 10, 0));
    expect(new Set(values(pixels))).toEqual(new Set([1234]));
  });

  it('a damaged one is refused with a reason', () => {
    const sound = encodeTwelveBits(
      Array.from({ length: 256 }, (_, i) => i * 16),
      16,
      16,
      0,
    );
    expect(() => decodeExtended(sound.subarray(0, sound.length - 40))).toThrow(/cut off|end early/);
    expect(() => decodeExtended(sound.subarray(0, 30))).toThrow(/cut off|ends before/);
    expect(() => decodeExtended(new Uint8Array(10))).toThrow(/does not begin as a JPEG/);
    for (let i = 2; i < sound.length; i++) {
      const broken = sound.slice();
      broken[i] = broken[i]! ^ 0xff;
      try {
        decodeExtended(broken);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(TypeError);
      }
    }
  });
});
