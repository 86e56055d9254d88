import { describe, expect, it } from 'vitest';
import type { Sample, Source } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { fromGrid, geometryOf, toGrid } from '../../src/data/preparation/geometry.ts';
import { masksByName } from '../../src/data/volumes/mask-volume.ts';
import { loadImage } from '../../src/jobs/loaded-image.ts';
import { cardOf } from './cards.ts';

const [H, W] = [200, 240];
const hu = { unit: 'HU', window: [-1000, 400], air: -1000, steps: [] } as const;
const resize = { antialias: true, fit: 'stretch' } as const;

/** A body of 40 HU from rows 40 to 159 and columns 50 to 209, two lungs in it, and a table below. */
function chest({ lungs = true, body = true } = {}): Tensor {
  const box = (y: number, x: number, top: number, bottom: number, left: number, right: number) =>
    y >= top && y < bottom && x >= left && x < right;
  return tensor(
    [H, W],
    Float32Array.from({ length: H * W }, (_, i) => {
      const [y, x] = [Math.floor(i / W), i % W];
      if (box(y, x, 180, 184, 20, 230)) return 100;
      if (!body || !box(y, x, 40, 160, 50, 210)) return -1000;
      if (lungs && (box(y, x, 60, 130, 70, 120) || box(y, x, 64, 140, 140, 190))) return -850;
      return 40;
    }),
  );
}

const source = (pixels: Tensor, spacing?: readonly number[]): Source => ({
  pixels,
  unit: 'HU',
  ...(spacing ? { spacing } : {}),
});

describe('the part of a slice that the network sees', () => {
  it('is the rectangle around the body, without the table, and its margin in millimetres', () => {
    const seen = (margin?: number) =>
      geometryOf(
        source(chest(), [2, 1]),
        cardOf({ intensity: hu, resize: { ...resize, region: 'body', ...(margin === undefined ? {} : { margin }) } }),
        'it',
      ).window;
    expect(seen()).toEqual({ top: 40, left: 50, height: 120, width: 160 });
    expect(seen(10)).toEqual({ top: 35, left: 40, height: 130, width: 180 });
    expect(seen(1000)).toEqual({ top: 0, left: 0, height: H, width: W });
  });

  it('is the rectangle around both lungs', () => {
    const card = cardOf({ intensity: hu, resize: { ...resize, region: 'lungs' } });
    expect(geometryOf(source(chest(), [1, 1]), card, 'it').window).toEqual({
      top: 60,
      left: 70,
      height: 80,
      width: 120,
    });
  });

  it('is around the data’s own mask of the lungs, where there is one, and that mask is of no finding', async () => {
    const rows = (top: number, bottom: number) =>
      tensor(
        [H, W],
        Float32Array.from({ length: H * W }, (_, i) => (i >= top * W && i < bottom * W ? 1 : 0)),
      );
    const card = cardOf({ intensity: hu, resize: { ...resize, region: 'lungs' } });
    const masks = masksByName({ lung: rows(50, 150), one: rows(70, 72), other: rows(71, 80) });
    expect(masks.mask).toEqual(rows(70, 80));
    expect(Object.keys(masks.masks!)).toEqual(['one', 'other']);
    expect(masksByName({ lung: rows(50, 150) })).toEqual({ lung: rows(50, 150) });
    const sample = {
      id: 'a',
      patient: 'a',
      hasMask: true,
      source: 'a',
      load: async () => ({ source: source(chest(), [1, 1]), ...masks }),
    };
    const image = await loadImage(sample, {
      card,
      baselines: new Map(),
      rng: createRng('region'),
      variantOf: async () => undefined,
      trainingImages: async () => [],
      signal: new AbortController().signal,
    });
    expect(image.prepared.geometry.window).toEqual({ top: 50, left: 0, height: 100, width: W });
  });

  it('is laid out by the card: with its aspect, or at its spacing, in the middle of the region', () => {
    const at = (more: object) =>
      geometryOf(
        source(chest(), [1, 1]),
        cardOf({ size: [50, 50], intensity: hu, resize: { ...resize, region: 'lungs', ...more } }),
        'it',
      ).window;
    expect(at({ fit: 'pad' })).toEqual({ top: 40, left: 70, height: 120, width: 120 });
    expect(at({ fit: 'crop' })).toEqual({ top: 60, left: 90, height: 80, width: 80 });
    expect(at({ spacing: 3 })).toEqual({ top: 25, left: 55, height: 150, width: 150 });
  });

  it('brings maps back to their place; what the network did not see is 0', () => {
    const card = cardOf({ size: [40, 60], intensity: hu, resize: { ...resize, region: 'lungs' } });
    const geometry = geometryOf(source(chest(), [1, 1]), card, 'it');
    const spot = tensor([H, W]);
    spot.data[100 * W + 90] = 1;
    const back = fromGrid(toGrid(spot, geometry, { beyond: 0, antialias: true }), geometry);
    const best = back.data.indexOf(Math.max(...back.data));
    expect(Math.abs(Math.floor(best / W) - 100)).toBeLessThanOrEqual(2);
    expect(Math.abs((best % W) - 90)).toBeLessThanOrEqual(2);
    expect(back.data.slice(0, 60 * W).every(v => v === 0)).toBe(true);
  });

  it.each([
    ['lungs', chest({ lungs: false })],
    ['body', chest({ body: false, lungs: false })],
  ] as const)('is refused where no %s was found', (region, pixels) => {
    const card = cardOf({ intensity: hu, resize: { ...resize, region } });
    const look = () => geometryOf(source(pixels, [1, 1]), card, 'slice 3');
    expect(look).toThrow(`found no ${region} in slice 3`);
  });

  it('is the same for all variants of a sample: a factor that is taken away does not move the picture', async () => {
    const without = chest();
    // The left lung is filled, so that a region of its own would be another.
    without.data.forEach((v, i) => {
      if (v === -850 && i % W < 130) without.data[i] = 40;
    });
    const sample: Sample = {
      id: 'a',
      patient: 'a',
      hasMask: false,
      source: 'a',
      variants: ['without'],
      load: async (_, variant) => ({ source: source(variant === 'without' ? without : chest(), [1, 1]) }),
    };
    const card = cardOf({ intensity: hu, resize: { ...resize, region: 'lungs' } });
    const load = (variant?: string) =>
      loadImage(sample, {
        card,
        baselines: new Map(),
        variant,
        rng: createRng('region'),
        variantOf: async () => undefined,
        trainingImages: async () => [],
        signal: new AbortController().signal,
      });
    const [whole, changed] = [await load(), await load('without')];
    expect(changed.prepared.geometry).toEqual(whole.prepared.geometry);
    expect(geometryOf(source(without, [1, 1]), card, 'it')).not.toEqual(whole.prepared.geometry);
  });
});
