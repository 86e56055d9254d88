import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { ctNoise, inverseFft2 } from '../../../src/data/phantom/noise.ts';

const size = 128;
const realisations = 40;

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
    [0.2, 1.3],
  ])('its spectrum peaks at %f cycles/mm with pixels of %f mm', (peak, spacing) => {
    const found = spectrum(peak, spacing).slice(1);
    const top = found.reduce((a, b) => (b.power > a.power ? b : a));
    expect(Math.abs(top.frequency - peak)).toBeLessThan(0.15 * peak);
  });

  test('it rises like a ramp and has fallen by 0.5 cycles/mm, as reconstructed CT does', () => {
    const peak = 0.2;
    const found = spectrum(peak, 0.3);
    // S ∝ f · exp(−(f/peak)²/2), the definition.
    const expected = (f: number) => f * Math.exp(-((f / peak) ** 2) / 2);
    const used = found.filter(b => b.frequency > 0.06 && b.frequency < 0.5);
    const ratios = used.map(b => b.power / expected(b.frequency));
    const mean = ratios.reduce((a, b) => a + b, 0) / ratios.length;
    for (const ratio of ratios) expect(Math.abs(ratio / mean - 1)).toBeLessThan(0.2);
    const top = Math.max(...found.map(b => b.power));
    const last = found.filter(b => b.frequency > 0.48 && b.frequency < 0.52);
    for (const b of last) expect(b.power / top).toBeLessThan(0.2);
  });

  test('its SD is 1 where pixels are fine, and what the pixels let through where they are coarse', () => {
    const peak = 0.25;
    const sd = (spacing: number, n: number) => {
      let squares = 0;
      for (let k = 0; k < 8; k++) {
        const field = ctNoise(createRng(k), { size: n, spacing, x0: 0, y0: 0 }, peak);
        squares += field.reduce((a, v) => a + v * v, 0) / field.length / 8;
      }
      return Math.sqrt(squares);
    };
    expect(sd(0.25, 256)).toBeGreaterThan(0.94);
    expect(sd(0.25, 256)).toBeLessThan(1.02);
    // The integral of S times the pixels' apertures over frequencies below Nyquist's, by a midpoint sum.
    const variance = (spacing: number) => {
      const nyquist = 0.5 / spacing;
      const sinc = (t: number) => Math.sin(Math.PI * t) / (Math.PI * t);
      let [sum, m] = [0, 400];
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < m; j++) {
          const [u, v] = [((i + 0.5) / m) * nyquist, ((j + 0.5) / m) * nyquist];
          const f = Math.hypot(u, v);
          sum += f * Math.exp(-((f / peak) ** 2) / 2) * (sinc(u * spacing) * sinc(v * spacing)) ** 2;
        }
      }
      const cell = (2 * nyquist) ** 2 / (2 * m) ** 2;
      return (4 * sum * cell) / (2 * Math.PI * peak ** 3 * Math.sqrt(Math.PI / 2));
    };
    for (const [spacing, n] of [
      [0.75, 256],
      [1.5, 256],
      [1.5, 200],
    ] as const) {
      expect(Math.abs(sd(spacing, n) / Math.sqrt(variance(spacing)) - 1)).toBeLessThan(0.03);
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
