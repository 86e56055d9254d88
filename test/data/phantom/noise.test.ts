import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { ctNoise, inverseFft2 } from '../../../src/data/phantom/noise.ts';

const size = 128;
const realisations = 24;

/** Radially averaged power of several realisations, by a naive bin per cycle of the frame. */
function spectrum(peak: number, spacing: number): { frequency: number; power: number }[] {
  const bins = Array.from({ length: size / 2 }, () => ({ sum: 0, n: 0 }));
  for (let k = 0; k < realisations; k++) {
    const re = Float32Array.from(ctNoise(createRng(k), { size, spacing, x0: 0, y0: 0 }, peak));
    const im = new Float32Array(size * size);
    // Forwards or backwards, the power is the same.
    inverseFft2(re, im, size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const bin = Math.round(Math.hypot(Math.min(i, size - i), Math.min(j, size - j)));
        if (bin >= bins.length) continue;
        bins[bin]!.sum += re[i * size + j]! ** 2 + im[i * size + j]! ** 2;
        bins[bin]!.n++;
      }
    }
  }
  return bins.map(({ sum, n }, k) => ({ frequency: k / (size * spacing), power: sum / n }));
}

describe('CT noise', () => {
  test.each([
    [0.2, 0.75],
    [0.25, 0.75],
    [0.3, 0.75],
    [0.25, 1.3],
  ])('its spectrum peaks at %f cycles/mm with pixels of %f mm', (peak, spacing) => {
    const found = spectrum(peak, spacing).slice(1);
    const top = found.reduce((a, b) => (b.power > a.power ? b : a));
    expect(Math.abs(top.frequency - peak)).toBeLessThan(0.15 * peak);
  });

  test('it rises like a ramp and has fallen by 0.5 cycles/mm, as reconstructed CT does', () => {
    const peak = 0.2;
    const found = spectrum(peak, 0.75);
    const at = (f: number) => {
      const near = found.filter(b => Math.abs(b.frequency - f) < 0.012);
      return near.reduce((sum, b) => sum + b.power, 0) / near.length;
    };
    // S ∝ f · exp(−(f/peak)²/2), the definition.
    const expected = (f: number) => (f / peak) * Math.exp((1 - (f / peak) ** 2) / 2);
    for (const f of [0.05, 0.1, 0.15, 0.3, 0.4, 0.5]) {
      expect(Math.abs(at(f) / at(peak) - expected(f))).toBeLessThan(0.08);
    }
    expect(at(0.5) / at(peak)).toBeLessThan(0.2);
    const slope = Math.log(at(0.1) / at(0.04)) / Math.log(0.1 / 0.04);
    expect(slope).toBeGreaterThan(0.6);
    expect(slope).toBeLessThan(1.1);
  });

  test('SD 1 over the frame, also where its size is no power of two', () => {
    for (const n of [64, 100]) {
      const field = ctNoise(createRng('sd'), { size: n, spacing: 1.4, x0: 0, y0: 0 }, 0.25);
      expect(Math.sqrt(field.reduce((a, v) => a + v * v, 0) / field.length)).toBeCloseTo(1, 5);
    }
  });
});

test('the inverse transform is that of the definition', () => {
  const n = 8;
  const rng = createRng('fft');
  const re = Float32Array.from({ length: n * n }, () => rng.normal());
  const im = Float32Array.from({ length: n * n }, () => rng.normal());
  const [gotRe, gotIm] = [re.slice(), im.slice()];
  inverseFft2(gotRe, gotIm, n);
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      let [r, m] = [0, 0];
      for (let v = 0; v < n; v++) {
        for (let u = 0; u < n; u++) {
          const t = (2 * Math.PI * (u * x + v * y)) / n;
          r += re[v * n + u]! * Math.cos(t) - im[v * n + u]! * Math.sin(t);
          m += re[v * n + u]! * Math.sin(t) + im[v * n + u]! * Math.cos(t);
        }
      }
      expect(gotRe[y * n + x]).toBeCloseTo(r, 3);
      expect(gotIm[y * n + x]).toBeCloseTo(m, 3);
    }
  }
});
