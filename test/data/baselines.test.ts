import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import type { BaselineContext } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { filled, type Tensor, tensor } from '../../src/core/tensor.ts';
import { prepare, prepareBaseline } from '../../src/data/preparation/prepare.ts';
import { cardOf } from './cards.ts';

const { baselines } = builtinRegistry();
const card = cardOf({
  size: [16, 20],
  channels: 3,
  intensity: { unit: 'HU', window: [-1350, 150], air: -1000, steps: [{ subtract: 0.5 }, { normalise: 'z-score' }] },
});
const pixels = tensor(
  [16, 20],
  Float32Array.from({ length: 320 }, (_, i) => ((i * 97) % 1500) - 1350),
);
const prepared = prepare({ pixels, unit: 'HU', spacing: [2, 1] }, card);
const context: BaselineContext = {
  card,
  spacing: prepared.spacing!,
  rng: createRng('baselines'),
  bodyMask: () => filled([16, 20], 1),
  variant: async () => undefined,
  trainingImages: async () => [],
};
const make = async (name: string, image: Tensor = prepared.raw) => baselines.get(name)!.make(image, context);

it('each is one file with its name', () => {
  const files = readdirSync(resolve(import.meta.dirname, '../../src/data/baselines')).map(f => f.replace(/\.ts$/, ''));
  expect(files.sort()).toEqual([...baselines.keys()].sort());
});

describe.each([...baselines.values()])('$name', baseline => {
  it('is an image of the input’s shape, finite, from a copy', async () => {
    const before = [prepared.raw.data.slice(), prepared.input.data.slice()];
    const { image: made } = await prepareBaseline(baseline, prepared, card);
    expect(made.shape).toEqual([16, 20, 3]);
    expect(made.data.every(Number.isFinite)).toBe(true);
    expect([prepared.raw.data, prepared.input.data]).toEqual(before);
  });

  it('does what it does without a spacing', async () => {
    const { spacing: _, ...without } = prepared;
    expect((await prepareBaseline(baseline, without, card)).image.data.every(Number.isFinite)).toBe(true);
  });
});

describe('values', () => {
  it('air and the middle of the window go through the image’s own frozen steps', async () => {
    expect(new Set((await make('air')).data)).toEqual(new Set([-1000]));
    expect(new Set((await make('window-mean')).data)).toEqual(new Set([-600]));
    const { image: air } = await prepareBaseline(baselines.get('air')!, prepared, card);
    expect(air.data).toEqual(prepared.intensity(filled([16, 20], -1000)).data);
  });

  it('zero-input is 0 in input space', async () => {
    const { image } = await prepareBaseline(baselines.get('zero-input')!, prepared, card);
    expect(image.data.every(v => v === 0)).toBe(true);
  });

  it('blur: σ is 10 mm along both axes, whatever the spacing; a constant image stays, edges too', async () => {
    const impulse = tensor([201, 401]);
    impulse.data[100 * 401 + 200] = 1;
    const { data } = await make('blur', impulse);
    const variance = (along: (row: number, column: number) => number) =>
      data.reduce((sum, v, i) => sum + v * along(Math.floor(i / 401) - 100, (i % 401) - 200), 0);
    expect(Math.sqrt(variance(row => (row * 2) ** 2))).toBeCloseTo(10, 1);
    expect(Math.sqrt(variance((_, column) => column ** 2))).toBeCloseTo(10, 1);
    for (const v of (await make('blur', filled([16, 20], -873))).data) expect(v).toBeCloseTo(-873, 3);
  });

  it('blur: without a spacing σ is 1/35 of the longer side', async () => {
    const impulse = tensor([351, 175]);
    impulse.data[175 * 175 + 87] = 1;
    const { spacing: _, ...unknown } = context;
    const { data } = await baselines.get('blur')!.make(impulse, unknown);
    const variance = data.reduce((sum, v, i) => sum + v * ((i % 175) - 87) ** 2, 0);
    expect(Math.sqrt(variance)).toBeCloseTo(351 / 35, 1);
  });

  it('rise-blur: effective SD of 3.13 pixels, darker at the edge since zeros are around', async () => {
    const impulse = tensor([31, 31, 1]);
    impulse.data[15 * 31 + 15] = 1;
    const { data } = await make('rise-blur', impulse);
    const variance = data.reduce((sum, v, i) => sum + v * ((i % 31) - 15) ** 2, 0);
    expect(Math.sqrt(variance)).toBeCloseTo(3.13, 2);
    expect([...data].filter(v => v > 0)).toHaveLength(121);
    const ones = (await make('rise-blur', filled([31, 31, 1], 1))).data;
    expect(ones[15 * 31 + 15]).toBeCloseTo(1, 6);
    expect(ones[0]).toBeLessThan(0.5);
  });
});
