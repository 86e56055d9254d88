import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { sliceInAir } from '../../src/conformance/slice-in-air.ts';
import type { BaselineContext } from '../../src/core/contracts/index.ts';
import { innerAir } from '../../src/core/image/lungs.ts';
import { createRng } from '../../src/core/rng.ts';
import { filled, type Tensor, tensor } from '../../src/core/tensor.ts';
import { type BaselineSources, prepare, prepareBaseline } from '../../src/data/preparation/prepare.ts';
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

const sources: BaselineSources = {
  rng: createRng('baselines'),
  variant: async () => prepared,
  trainingImages: async () => [prepared],
};

describe.each([...baselines.values()])('$name', baseline => {
  it('is an image of the input’s shape, finite, from a copy, with a spacing and without', async () => {
    const before = [prepared.raw.data.slice(), prepared.input.data.slice()];
    const { spacing: _, ...without } = prepared;
    for (const image of [prepared, without]) {
      const { image: made } = await prepareBaseline(baseline, image, card, sources);
      expect(made.shape).toEqual([16, 20, 3]);
      expect(made.data.every(Number.isFinite)).toBe(true);
    }
    expect([prepared.raw.data, prepared.input.data]).toEqual(before);
  });

  it('belongs to a family', () => {
    const families = ['constant', 'noise', 'tissue', 'smooth', 'imputed', 'mirrored', 'truth'];
    expect(families).toContain(baseline.family);
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

  it('constants in HU, and a reason where the model sees grey levels', async () => {
    expect(new Set((await make('lung')).data)).toEqual(new Set([-850]));
    expect(new Set((await make('soft-tissue')).data)).toEqual(new Set([40]));
    const grey = { ...context, card: cardOf() };
    for (const name of ['lung', 'soft-tissue', 'tissue-matched']) {
      const made = async () => baselines.get(name)!.make(prepared.raw, grey);
      await expect(made()).rejects.toMatchObject({ code: 'BASELINE' });
    }
  });

  it('noise is uniform over the window, and the same for one seed', async () => {
    const large = tensor([100, 100]);
    const { data } = await make('noise', large);
    const mean = data.reduce((a, b) => a + b, 0) / data.length;
    const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
    expect(data.every(v => v >= -1350 && v < 150)).toBe(true);
    expect(mean).toBeGreaterThan(-615);
    expect(mean).toBeLessThan(-585);
    expect(Math.sqrt(variance) / (1500 / Math.sqrt(12))).toBeCloseTo(1, 1);
    expect((await make('noise', large)).data).toEqual(data);
  });

  it('dataset-mean is the mean of training images; without any there is none', async () => {
    const trainingImages = async () => [1, 2, 6].map(v => filled([16, 20], v));
    const made = await baselines.get('dataset-mean')!.make(prepared.raw, { ...context, trainingImages });
    expect(new Set(made.data)).toEqual(new Set([3]));
    await expect(make('dataset-mean')).rejects.toMatchObject({
      code: 'BASELINE',
      hint: expect.stringMatching(/background/),
    });
  });

  it('counterfactual is the variant without lesions; real images have none', async () => {
    const variant = async (name: string) => (name === 'no-lesion' ? filled([16, 20], -840) : undefined);
    const made = await baselines.get('counterfactual')!.make(prepared.raw, { ...context, variant });
    expect(new Set(made.data)).toEqual(new Set([-840]));
    await expect(make('counterfactual')).rejects.toMatchObject({ code: 'BASELINE' });
  });

  it('contralateral mirrors at the midline of the body, wherever that lies', async () => {
    // A body in columns 3 … 12: mirrored, column 3 shows 12; beyond the image there is air.
    const body = tensor(
      [16, 20],
      Float32Array.from({ length: 320 }, (_, i) => (i % 20 >= 3 && i % 20 <= 12 ? 1 : 0)),
    );
    const image = tensor(
      [16, 20],
      Float32Array.from({ length: 320 }, (_, i) => 100 * Math.floor(i / 20) + (i % 20)),
    );
    const { data } = await baselines.get('contralateral')!.make(image, { ...context, bodyMask: () => body });
    expect(data[5 * 20 + 3]).toBe(512);
    expect(data[5 * 20 + 15]).toBe(500);
    expect(data[5 * 20 + 16]).toBe(-1000);
    const twice = await baselines
      .get('contralateral')!
      .make({ shape: image.shape, data }, { ...context, bodyMask: () => body });
    for (let x = 0; x <= 15; x++) expect(twice.data[5 * 20 + x]).toBe(500 + x);
  });

  it('tissue-matched: lung in lungs, with the lesions in them; the local median elsewhere; air stays', async () => {
    const { hu, mask } = sliceInAir(56, 72, { lesion: true, seed: 1 });
    const bodyOf = () => innerAir(hu).body;
    const made = await baselines.get('tissue-matched')!.make(hu, { ...context, spacing: [5, 5], bodyMask: bodyOf });
    const inside = (t: Float32Array) => [...t].filter((_, i) => mask.data[i] === 1);
    expect(mask.data.some(v => v === 1)).toBe(true);
    expect(inside(made.data).every(v => v === -850)).toBe(true);
    expect(made.data[0]).toBe(hu.data[0]);
    const mediastinum = made.data[28 * 72 + 36]!;
    expect(Math.abs(mediastinum - 40)).toBeLessThan(5);
  });

  it('inpaint-smooth restores what is linear; inpaint adds noise as strong as that of the rest', async () => {
    const ramp = tensor(
      [30, 40],
      Float32Array.from({ length: 1200 }, (_, i) => 3 * Math.floor(i / 40) - 2 * (i % 40)),
    );
    const removed = Uint8Array.from({ length: 1200 }, (_, i) => {
      const [y, x] = [Math.floor(i / 40), i % 40];
      return y > 8 && y < 20 && x > 10 && x < 30 ? 1 : 0;
    });
    const smooth = baselines.get('inpaint-smooth')!.fill!(ramp, removed, context);
    smooth.data.forEach((v, i) => {
      expect(v).toBeCloseTo(ramp.data[i]!, 2);
    });
    const rng = createRng('noisy');
    const noisy = tensor(
      ramp.shape,
      ramp.data.map(v => v + 20 * rng.normal()),
    );
    const filledIn = baselines.get('inpaint')!.fill!(noisy, removed, context);
    const plain = baselines.get('inpaint-smooth')!.fill!(noisy, removed, context);
    const differences = [...filledIn.data].flatMap((v, i) => (removed[i] ? [v - plain.data[i]!] : []));
    const sd = Math.sqrt(differences.reduce((a, b) => a + b * b, 0) / differences.length);
    expect(sd).toBeGreaterThan(14);
    expect(sd).toBeLessThan(26);
  });
});
