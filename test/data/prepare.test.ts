import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Source } from '../../src/core/contracts/index.ts';
import { filled, type Tensor, tensor } from '../../src/core/tensor.ts';
import { air } from '../../src/data/baselines/air.ts';
import { blur } from '../../src/data/baselines/blur.ts';
import { layOut, maskToGrid } from '../../src/data/preparation/geometry.ts';
import { prepare, prepareBaseline, prepareMask } from '../../src/data/preparation/prepare.ts';
import { cardOf } from './cards.ts';

const side = fc.integer({ min: 1, max: 40 });
const fits = fc.constantFrom('stretch' as const, 'crop' as const, 'pad' as const);
const ramp = (h: number, w: number): Tensor =>
  tensor(
    [h, w],
    Float32Array.from({ length: h * w }, (_, i) => i % 256),
  );
const grey = (pixels: Tensor, more: Partial<Source> = {}): Source => ({ pixels, unit: 'grey', ...more });

describe('the grid', () => {
  it('crop stays inside the source, pad contains it; both have the grid’s aspect within a pixel', () => {
    fc.assert(
      fc.property(side, side, side, side, fits, (h, w, rows, columns, fit) => {
        const { window } = layOut([h, w], [rows, columns], fit);
        const inside = window.height <= h && window.width <= w;
        const around = window.height >= h && window.width >= w;
        expect(fit === 'crop' ? inside : around).toBe(true);
        if (fit === 'stretch') return;
        // Rounding moves one side by half a pixel, and no side falls below one.
        const off = Math.abs(window.width * rows - window.height * columns);
        expect(off <= Math.max(rows, columns) || Math.min(window.height, window.width) === 1).toBe(true);
        expect(Math.abs(h - window.height - 2 * window.top)).toBeLessThanOrEqual(1);
        expect(Math.abs(w - window.width - 2 * window.left)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('lays images out by the card: stretched, the middle, or with air', () => {
    const pixels = tensor([1, 3], Float32Array.of(100, 160, 220));
    const raw = (fit: 'stretch' | 'crop' | 'pad') => {
      const card = cardOf({ size: [3, 3], resize: { fit }, intensity: { air: 7 } });
      return [...prepare(grey(pixels), card).raw.data];
    };
    expect(raw('stretch')).toEqual([100, 160, 220, 100, 160, 220, 100, 160, 220]);
    expect(raw('crop')).toEqual(new Array(9).fill(160));
    expect(raw('pad')).toEqual([7, 7, 7, 100, 160, 220, 7, 7, 7]);
  });

  it('keeps the physical size: spacing × pixels is the same, crop and pad alike', () => {
    fc.assert(
      fc.property(side, side, fits, (h, w, fit) => {
        const card = cardOf({ size: [6, 9], resize: { fit } });
        const { spacing, geometry } = prepare(grey(ramp(h, w), { spacing: [0.5, 0.8] }), card);
        expect(spacing![0] * 6).toBeCloseTo(0.5 * geometry.window.height);
        expect(spacing![1] * 9).toBeCloseTo(0.8 * geometry.window.width);
      }),
    );
  });

  it('a constant image stays constant, and the same size changes nothing', () => {
    const card = cardOf({ size: [5, 7] });
    expect([...prepare(grey(filled([40, 31], 99)), card).raw.data]).toEqual(new Array(35).fill(99));
    expect([...prepare(grey(ramp(5, 7)), card).raw.data]).toEqual([...ramp(5, 7).data]);
  });

  it('gives raw, input and view', () => {
    const card = cardOf({ size: [1, 2], channels: 3, intensity: { steps: [{ multiply: 2 }] } });
    const { raw, input, view, spacing } = prepare(grey(tensor([1, 2], Float32Array.of(0, 255))), card);
    expect([...raw.data]).toEqual([0, 255]);
    expect(input.shape).toEqual([1, 2, 3]);
    expect([...input.data]).toEqual([0, 0, 0, 2, 2, 2]);
    expect([...view.data]).toEqual([0, 1]);
    expect(spacing).toBeUndefined();
  });
});

describe('masks', () => {
  it('are 0 and 1 on the grid, with about the same share, and move with the image', () => {
    const disc = tensor(
      [60, 80],
      Float32Array.from({ length: 4800 }, (_, i) =>
        ((i % 80) - 50) ** 2 + (Math.floor(i / 80) - 20) ** 2 < 200 ? 1 : 0,
      ),
    );
    const prepared = prepare(grey(disc), cardOf({ size: [30, 40] }));
    const mask = prepareMask(disc, prepared);
    expect(new Set(mask.data)).toEqual(new Set([0, 1]));
    const share = (t: Tensor) => t.data.reduce((a, b) => a + b) / t.data.length;
    expect(share(mask)).toBeCloseTo(share(disc), 2);
    for (const [i, v] of mask.data.entries()) if (prepared.raw.data[i] === 1) expect(v).toBe(1);
  });

  it('a full mask stays full, an empty one empty; padding is outside', () => {
    fc.assert(
      fc.property(side, side, side, side, (h, w, rows, columns) => {
        const geometry = layOut([h, w], [rows, columns], 'stretch');
        expect(maskToGrid(filled([h, w], 1), geometry).data.every(v => v === 1)).toBe(true);
        expect(maskToGrid(filled([h, w], 0), geometry).data.every(v => v === 0)).toBe(true);
      }),
    );
    const padded = maskToGrid(filled([2, 6], 1), layOut([2, 6], [6, 6], 'pad'));
    expect(padded.data.reduce((a, b) => a + b)).toBe(12);
  });

  it('of another size are refused', () => {
    const prepared = prepare(grey(ramp(3, 4)), cardOf());
    expect(() => prepareMask(filled([4, 3], 1), prepared, 'a.png')).toThrowError(/a\.png is 4 × 3, its mask 3 × 4/);
  });
});

describe('what is refused', () => {
  it('the wrong unit, both ways, and pixels that are not numbers', () => {
    const hu = cardOf({ intensity: { unit: 'HU', window: [-1000, 0] } });
    expect(() => prepare(grey(ramp(3, 3)), hu, 'a.png')).toThrowError(/a\.png is in grey levels.*wants Hounsfield/);
    expect(() => prepare(grey(ramp(3, 3), { unit: 'HU' }), cardOf())).toThrowError(/Hounsfield.*wants grey/);
    expect(() => prepare(grey(tensor([1, 2], Float32Array.of(1, Number.NaN))), cardOf())).toThrowError(/NaN/);
  });
});

describe('colours', () => {
  const planes = [ramp(6, 9), filled([6, 9], 80), filled([6, 9], 200)];
  const colour = tensor(
    [6, 9, 3],
    Float32Array.from({ length: 6 * 9 * 3 }, (_, i) => planes[i % 3]!.data[Math.floor(i / 3)]!),
  );
  const picture = grey(filled([6, 9], 120), { colour });

  it('reach three channels, each as a grey picture would, whatever the fit', () => {
    fc.assert(
      fc.property(side, side, fits, (rows, columns, fit) => {
        const shape = { size: [rows, columns] as const, resize: { fit } };
        const seen = prepare(picture, cardOf({ ...shape, channels: 3 }));
        planes.forEach((plane, c) => {
          const alone = prepare(grey(plane), cardOf(shape)).input.data;
          expect(seen.input.data.filter((_, i) => i % 3 === c)).toEqual(alone);
        });
        expect(seen.view.shape).toEqual([rows, columns]);
        expect(seen.view).toEqual(prepare(grey(picture.pixels), cardOf(shape)).view);
      }),
    );
  });

  it('do not where the card says so, nor one channel', () => {
    const luma = prepare(grey(picture.pixels), cardOf({ channels: 3 })).input;
    expect(prepare(picture, cardOf({ channels: 3, colour: false })).input).toEqual(luma);
    expect(prepare(picture, cardOf()).input).toEqual(prepare(grey(picture.pixels), cardOf()).input);
  });

  it('have baselines of their own', async () => {
    const card = cardOf({ channels: 3, intensity: { air: 51 } });
    const seen = prepare(picture, card);
    expect([...(await prepareBaseline(air, seen, card)).image.data]).toEqual(
      new Array(8 * 8 * 3).fill(Math.fround(0.2)),
    );
    const { image: smooth } = await prepareBaseline(blur, seen, card);
    expect(smooth.shape).toEqual([8, 8, 3]);
    // A constant plane is its own blur.
    for (let i = 1; i < smooth.data.length; i += 3) expect(smooth.data[i]).toBeCloseTo(80 / 255, 6);
  });

  it('must be of the same picture', () => {
    const broken = { ...picture, colour: filled([9, 6, 3], 1) };
    expect(() => prepare(broken, cardOf({ channels: 3 }))).toThrow(/is \[6,9\], its colours \[9,6,3\]/);
  });

  it('may not be NaN', () => {
    const broken = { ...picture, colour: filled([6, 9, 3], Number.NaN) };
    expect(() => prepare(broken, cardOf({ channels: 3 }))).toThrow(/NaN/);
  });
});
