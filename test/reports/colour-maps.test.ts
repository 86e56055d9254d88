import { describe, expect, it } from 'vitest';
import { SIGNED, UNSIGNED } from '../../src/reports/gallery/colour-maps.ts';
import { distance as between, lab, linear, type Triple } from './colour.ts';

const distance = (a: Triple, b: Triple) => between(lab(a), lab(b));

const colours = (table: Uint8Array): Triple[] =>
  Array.from({ length: table.length / 3 }, (_, i) => [...table.slice(3 * i, 3 * i + 3)] as unknown as Triple);
/** Complete dichromacy on linear RGB: Machado, Oliveira & Fernandes 2009, severity 1. */
const DEFICIENCIES: Readonly<Record<string, readonly Triple[]>> = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function seenWith(matrix: readonly Triple[], rgb: Triple): Triple {
  const from = rgb.map(linear);
  return matrix.map(row => {
    const v = Math.max(0, Math.min(1, row[0] * from[0]! + row[1] * from[1]! + row[2] * from[2]!));
    return 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
  }) as unknown as Triple;
}

/** Between points a sixteenth of the map apart: longest over shortest. */
function unevenness(points: readonly Triple[]): number {
  const every = points.filter((_, i) => i % 16 === 0);
  const steps = every.slice(1).map((p, i) => distance(p, every[i]!));
  return Math.max(...steps) / Math.min(...steps);
}

describe('colour maps', () => {
  const [signed, unsigned] = [colours(SIGNED), colours(UNSIGNED)];

  it('look evenly stepped, also measured in CIELAB', () => {
    expect(unevenness(signed.slice(0, 128))).toBeLessThan(1.8);
    expect(unevenness(signed.slice(128))).toBeLessThan(1.8);
    expect(unevenness(unsigned)).toBeLessThan(1.8);
  });

  it('grow lighter with size, alike on both sides of zero', () => {
    const lightness = (points: readonly Triple[]) => points.map(p => lab(p)[0]);
    const rises = (values: readonly number[]) => values.every((v, i) => i === 0 || v >= values[i - 1]! - 0.6);
    expect(rises(lightness(unsigned))).toBe(true);
    expect(rises(lightness(signed.slice(128)))).toBe(true);
    expect(rises(lightness(signed.slice(0, 128)).reverse())).toBe(true);
    expect(Math.abs(lab(signed[0]!)[0] - lab(signed[255]!)[0])).toBeLessThan(5);
  });

  it.each(Object.entries(DEFICIENCIES))('keep for and against apart with %s', (_, matrix) => {
    for (const at of [0, 32, 64]) {
      expect(distance(seenWith(matrix, signed[at]!), seenWith(matrix, signed[255 - at]!))).toBeGreaterThan(15);
    }
  });
});
