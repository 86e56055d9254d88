import { describe, expect, it } from 'vitest';
import { HoleEquations } from '../../src/core/image/hole-equations.ts';
import { informationOf } from '../../src/core/image/information.ts';
import { imputeLinearly } from '../../src/core/image/linear-imputation.ts';
import { otsuThreshold } from '../../src/core/image/otsu.ts';
import { createRng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';
import { exactFill } from '../support/exact-fill.ts';

describe('linear imputation', () => {
  const [h, w] = [20, 24];
  const plane = (value: (y: number, x: number) => number) =>
    tensor(
      [h, w, 1],
      Float32Array.from({ length: h * w }, (_, i) => value(Math.floor(i / w), i % w)),
    );
  const hole = (inside: (y: number, x: number) => boolean) =>
    Uint8Array.from({ length: h * w }, (_, i) => (inside(Math.floor(i / w), i % w) ? 1 : 0));

  it('restores a slope exactly where the hole does not touch the border', () => {
    const image = plane((y, x) => 2 + 0.3 * y - 0.2 * x);
    const filled = imputeLinearly(
      image,
      hole((y, x) => y > 2 && y < 17 && x > 3 && x < 20),
    )!;
    filled.data.forEach((v, i) => {
      expect(Math.abs(v - image.data[i]!)).toBeLessThan(1e-4);
    });
  });

  it('fulfils its equations everywhere, also at the border, and leaves kept pixels', () => {
    const rng = createRng('hole');
    const image = plane(() => rng.normal());
    const removed = hole(() => rng.next() < 0.8);
    const filled = imputeLinearly(image, removed)!;
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const i = y * w + x;
        if (!removed[i]) {
          expect(filled.data[i]).toBe(image.data[i]);
          continue;
        }
        let [sum, weights] = [0, 0];
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            if ((dy === 0 && dx === 0) || y + dy < 0 || y + dy >= h || x + dx < 0 || x + dx >= w) continue;
            const weight = dy === 0 || dx === 0 ? 1 / 6 : 1 / 12;
            sum += weight * filled.data[i + dy * w + dx]!;
            weights += weight;
          }
        }
        expect(Math.abs(filled.data[i]! - sum / weights)).toBeLessThan(1e-5);
      }
    }
  });

  it.each([
    [64, 64],
    [97, 130],
    [131, 64],
  ])('solves large holes on %i × %i pixels', (height, width) => {
    const rng = createRng('large');
    const image = tensor(
      [height, width, 1],
      Float32Array.from({ length: height * width }, () => 100 * rng.normal()),
    );
    const circle = (i: number) => Math.hypot(Math.floor(i / width) - height / 3, (i % width) - width / 2);
    const holes = [
      (i: number) => circle(i) < height / 2,
      (i: number) => circle(i) > 3,
      (i: number) => circle(i) < height / 2 && rng.next() < 0.98,
      (i: number) => Math.floor(i / width) % 16 !== 0,
    ];
    for (const isHole of holes) {
      const removed = Uint8Array.from({ length: height * width }, (_, i) => (isHole(i) ? 1 : 0));
      const filled = imputeLinearly(image, removed)!.data;
      for (let y = 1; y + 1 < height; y++) {
        for (let x = 1; x + 1 < width; x++) {
          const i = y * width + x;
          if (!removed[i]) continue;
          const sides = filled[i - 1]! + filled[i + 1]! + filled[i - width]! + filled[i + width]!;
          const corners =
            filled[i - width - 1]! + filled[i - width + 1]! + filled[i + width - 1]! + filled[i + width + 1]!;
          expect(Math.abs(filled[i]! - sides / 6 - corners / 12)).toBeLessThan(1e-3);
        }
      }
    }
  });

  it.each([
    ['one pixel in ten', 0.1],
    ['half of the pixels', 0.5],
    ['nine pixels in ten', 0.9],
    ['all but a few pixels', 0.99],
  ])('is right to a millionth of the largest value with %s removed', (_, share) => {
    const rng = createRng(`exact ${share}`);
    const image = plane(() => 1000 + 300 * rng.normal());
    const removed = hole(() => rng.next() < share);
    const filled = imputeLinearly(image, removed)!.data;
    const exact = exactFill(image.data, removed, [h, w]);
    // 32-bit floats round to a sixteenth of it.
    for (const [i, v] of exact.entries()) expect(Math.abs(filled[i]! - v)).toBeLessThan(1.1e-6 * 2000);
  });

  it('a wide hole with one pixel left in each of two corners is as exact', () => {
    const side = 24;
    const image = tensor([side, side, 1]);
    [image.data[0], image.data[side * side - 1]] = [-1, 1];
    const removed = Uint8Array.from(image.data, v => (v === 0 ? 1 : 0));
    const filled = imputeLinearly(image, removed)!.data;
    const exact = exactFill(image.data, removed, [side, side]);
    for (const [i, v] of exact.entries()) expect(Math.abs(filled[i]! - v)).toBeLessThan(1.1e-6);
  });

  it('fills one hole after the other with the same equations, in all channels, as with new ones', () => {
    const rng = createRng('again');
    const image = tensor(
      [h, w, 3],
      Float32Array.from({ length: h * w * 3 }, () => rng.normal()),
    );
    const equations = new HoleEquations(h, w);
    for (const share of [0.9, 0.2, 0.6]) {
      const removed = hole(() => rng.next() < share);
      const filled = imputeLinearly(image, removed, equations)!;
      expect(filled).toEqual(imputeLinearly(image, removed));
      for (const k of [0, 1, 2]) {
        const channel = (data: Float32Array) => data.filter((_, i) => i % 3 === k);
        const exact = exactFill(channel(image.data), removed, [h, w]);
        for (const [i, v] of channel(filled.data).entries()) expect(Math.abs(v - exact[i]!)).toBeLessThan(5e-6);
      }
    }
  });

  it('solves holes whose first guess is 0 everywhere', () => {
    const image = plane((y, x) => (y === 5 && x === 11 ? 1e-3 : 0));
    const removed = hole((y, x) => y > 5 && y < 18 && x > 3 && x < 20);
    const filled = imputeLinearly(image, removed)!.data;
    expect(filled[6 * w + 11]).toBeGreaterThan(1e-5);
    expect(filled[17 * w + 4]).toBeGreaterThan(0);
    for (const v of filled) expect(v).toBeLessThanOrEqual(1.001e-3);
  });

  it('one pixel that is left is everywhere, and a row is filled by straight lines', () => {
    const lonely = tensor([80, 77, 1], new Float32Array(80 * 77).fill(7));
    const removed = new Uint8Array(80 * 77).fill(1);
    removed[80 * 77 - 1] = 0;
    lonely.data[80 * 77 - 1] = 3;
    for (const v of imputeLinearly(lonely, removed)!.data) expect(v).toBeCloseTo(3, 4);
    const row = tensor([1, 101, 1]);
    [row.data[0], row.data[100]] = [-10, 30];
    const between = Uint8Array.from({ length: 101 }, (_, i) => (i % 100 === 0 ? 0 : 1));
    imputeLinearly(row, between)!.data.forEach((v, i) => {
      expect(v).toBeCloseTo(-10 + 0.4 * i, 3);
    });
  });

  it('nothing is left to fill from where all is removed', () => {
    expect(
      imputeLinearly(
        plane(() => 1),
        hole(() => true),
      ),
    ).toBeNull();
    expect(
      imputeLinearly(
        plane((y, x) => y + x),
        hole(() => false),
      )!.data,
    ).toEqual(plane((y, x) => y + x).data);
  });
});

describe('information of an image', () => {
  const view = (value: (i: number) => number) =>
    tensor(
      [32, 32],
      Float32Array.from({ length: 1024 }, (_, i) => value(i)),
    );

  it('is 0 for an even image and a slope of whole levels, most for noise', () => {
    const rng = createRng('noise');
    expect(informationOf(view(() => 0.4))).toBe(0);
    expect(informationOf(view(i => ((i % 32) + Math.floor(i / 32)) / 255))).toBeLessThan(0.5);
    expect(informationOf(view(() => rng.next()))).toBeGreaterThan(7);
    expect(informationOf(view(() => (rng.next() < 0.5 ? 0 : 1)))).toBeGreaterThan(0.9);
  });
});

describe('Otsu’s threshold', () => {
  it('parts two groups of values, and does not exist for one', () => {
    const threshold = otsuThreshold([1, 1.1, 0.9, 1.05, 5, 5.2, 4.9])!;
    expect(threshold).toBeGreaterThan(1.1);
    expect(threshold).toBeLessThan(4.9);
    expect(otsuThreshold([2, 2, 2])).toBeNull();
  });
});
