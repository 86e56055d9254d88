import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IntensityStep, ModelCard } from '../../src/core/contracts/index.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { intensity, windowed } from '../../src/data/preparation/intensity.ts';
import { cardOf } from './cards.ts';

const number = fc.double({ min: -5, max: 5, noNaN: true });
const factor = number.filter(v => Math.abs(v) > 0.1);
const perChannel = (value: fc.Arbitrary<number>, channels: number) =>
  fc.oneof(value, fc.array(value, { minLength: channels, maxLength: channels }));
const step = (channels: number): fc.Arbitrary<IntensityStep> =>
  fc.oneof(
    perChannel(factor, channels).map(multiply => ({ multiply })),
    perChannel(number, channels).map(subtract => ({ subtract })),
    perChannel(factor, channels).map(divide => ({ divide })),
    fc.constantFrom('min-max' as const, 'z-score' as const).map(normalise => ({ normalise })),
  );

const SIZE = 12;
const image = (low: number, high: number) =>
  fc
    .array(fc.double({ min: low, max: high, noNaN: true }), { minLength: SIZE, maxLength: SIZE })
    .filter(a => new Set(a.map(v => Math.round(v / 50))).size > 1)
    .map(a => tensor([3, 4], Float32Array.from(a)));

const cards: fc.Arbitrary<ModelCard> = fc.constantFrom<1 | 3>(1, 3).chain(channels =>
  fc.record({ steps: fc.array(step(channels), { maxLength: 4 }), hu: fc.boolean() }).map(({ steps, hu }) =>
    cardOf({
      channels,
      intensity: hu ? { unit: 'HU', window: [-1350, 150], air: -1000, steps } : { steps },
    }),
  ),
);

function blend(mask: readonly boolean[], a: Tensor, b: Tensor): Tensor {
  const channels = a.data.length / mask.length;
  return tensor(
    a.shape,
    a.data.map((v, i) => (mask[Math.floor(i / channels)] ? v : b.data[i]!)),
  );
}

describe('intensity', () => {
  it('commutes with masking, whatever the steps', () => {
    const masks = fc.array(fc.boolean(), { minLength: SIZE, maxLength: SIZE });
    const cases = cards.chain(card => {
      const [low, high] = card.intensity.window;
      return fc.record({ card: fc.constant(card), raw: image(low, high), baseline: image(low - 500, high + 500) });
    });
    fc.assert(
      fc.property(cases, masks, ({ card, raw, baseline }, mask) => {
        const steps = intensity(card, raw);
        expect(steps(blend(mask, raw, baseline)).data).toEqual(blend(mask, steps(raw), steps(baseline)).data);
      }),
    );
  });

  it('equals the steps one after the other', () => {
    const raw = tensor([1, 3], Float32Array.of(0, 51, 255));
    const card = cardOf({
      channels: 3,
      intensity: { steps: [{ subtract: [0.1, 0.2, 0.3] }, { divide: [0.5, 1, 2] }, { multiply: 10 }] },
    });
    const expected = [0, 0.2, 1].flatMap(v => [((v - 0.1) / 0.5) * 10, (v - 0.2) * 10, ((v - 0.3) / 2) * 10]);
    const { shape, data } = intensity(card, raw)(raw);
    expect(shape).toEqual([1, 3, 3]);
    for (const [i, v] of expected.entries()) expect(data[i]).toBeCloseTo(v, 5);
  });

  it('clips to the window, and repeats grey to channels', () => {
    const card = cardOf({ channels: 3, intensity: { unit: 'HU', window: [-1000, 0], air: -1000 } });
    const raw = tensor([1, 3], Float32Array.of(-2000, -500, 3000));
    expect([...windowed(card, raw).data]).toEqual([0, 0.5, 1]);
    expect([...intensity(card, raw)(raw).data]).toEqual([0, 0, 0, 0.5, 0.5, 0.5, 1, 1, 1]);
  });

  it('freezes min-max and z-score from the reference, over all channels', () => {
    const raw = tensor([1, 4], Float32Array.of(51, 102, 102, 153));
    const other = tensor([1, 2], Float32Array.of(0, 255));
    const close = (card: ModelCard, expected: readonly number[]) => {
      const out = intensity(card, raw)(other).data;
      expect(out).toHaveLength(expected.length);
      for (const [i, v] of expected.entries()) expect(out[i]).toBeCloseTo(v, 5);
    };
    close(cardOf({ intensity: { steps: [{ normalise: 'min-max' }] } }), [-0.5, 2]);
    const sd = Math.sqrt((0.04 + 0.04) / 4);
    close(cardOf({ intensity: { steps: [{ normalise: 'z-score' }] } }), [-0.4 / sd, 0.6 / sd]);
    // Channels v, 2v, 3v of v in 0.2…0.6: the minimum is 0.2, the maximum 1.8.
    const scaled = cardOf({ channels: 3, intensity: { steps: [{ multiply: [1, 2, 3] }, { normalise: 'min-max' }] } });
    close(
      scaled,
      [0, 1, 2, 3].flatMap((k, i) => (i === 0 ? [-0.125, -0.125, -0.125] : [(k - 0.2) / 1.6])),
    );
    const values = [0.2, 0.4, 0.4, 0.6].flatMap(v => [v, 2 * v, 3 * v]);
    const mean = values.reduce((a, b) => a + b) / 12;
    const deviation = Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / 12);
    const z = cardOf({ channels: 3, intensity: { steps: [{ multiply: [1, 2, 3] }, { normalise: 'z-score' }] } });
    close(
      z,
      [0, 0, 0, 1, 2, 3].map(v => (v - mean) / deviation),
    );
  });

  it('takes colours as they are, and their statistics over all channels', () => {
    const raw = tensor([1, 2, 3], Float32Array.of(0, 51, 102, 51, 153, 255));
    const card = cardOf({ channels: 3, intensity: { steps: [{ multiply: [1, 2, 3] }, { normalise: 'min-max' }] } });
    // 0, 0.4, 1.2, 0.2, 1.2, 3 before they are brought to 0…1.
    const out = intensity(card, raw)(raw);
    expect(out.shape).toEqual([1, 2, 3]);
    for (const [i, v] of [0, 0.4, 1.2, 0.2, 1.2, 3].entries()) expect(out.data[i]).toBeCloseTo(v / 3, 6);
    const z = intensity(cardOf({ channels: 3, intensity: { steps: [{ normalise: 'z-score' }] } }), raw)(raw).data;
    expect(z.reduce((a, b) => a + b) / 6).toBeCloseTo(0, 6);
    expect(z.reduce((a, b) => a + b * b, 0) / 6).toBeCloseTo(1, 5);
  });

  it('refuses to normalise an image that is constant in the window', () => {
    const card = cardOf({ intensity: { steps: [{ normalise: 'z-score' }] } });
    expect(() => intensity(card, tensor([1, 2], Float32Array.of(255, 300)))).toThrowError(
      expect.objectContaining({ code: 'IMAGE' }),
    );
  });
});

it('three windows are three channels, each clipped to its own, and commute with masking as one does', () => {
  const windows = [
    [-1000, 0],
    [-160, 240],
    [0, 1000],
  ] as const;
  const card = cardOf({ channels: 3, intensity: { unit: 'HU', window: windows[0], windows, air: -1000, steps: [] } });
  const raw = tensor([1, 4], Float32Array.of(-1200, -500, 40, 500));
  const apply = intensity(card, raw);
  expect(apply(raw).shape).toEqual([1, 4, 3]);
  expect([...apply(raw).data].map(v => Math.round(v * 1000) / 1000)).toEqual([
    ...[0, 0, 0],
    ...[0.5, 0, 0],
    ...[1, 0.5, 0.04],
    ...[1, 1, 0.5],
  ]);
  expect([...windowed(card, raw).data]).toEqual([0, 0.5, 1, 1]);
  const scored = cardOf({
    channels: 3,
    intensity: { unit: 'HU', window: windows[0], windows, air: -1000, steps: [{ normalise: 'min-max' }] },
  });
  const own = intensity(scored, raw)(raw);
  expect(Math.min(...own.data)).toBe(0);
  expect(Math.max(...own.data)).toBe(1);
});
