import type { ModelCard } from '../../core/contracts/index.ts';
import { sizeOf } from '../../core/tensor.ts';

/**
 * How the images differ: mean and half range of the values before the card's steps, and the waves' length in pixels.
 * No two have their darkest, brightest or mean value in common, so that statistics over a batch are no image's own.
 */
const LOOKS = [
  { mean: 0.5, range: 0.5, wave: 7 },
  { mean: 0.3, range: 0.12, wave: 3.1 },
  { mean: 0.72, range: 0.26, wave: 12.7 },
  { mean: 0.12, range: 0.09, wave: 4.7 },
] as const;

/**
 * Synthetic images, [...spatial, channels] each, as the card's network eats them: textures of different brightness and
 * contrast in 0…1, taken through the card's intensity steps. They are the same at every opening.
 */
export function probeImages(card: Pick<ModelCard, 'input' | 'intensity'>): Float32Array[] {
  const { size, channels } = card.input;
  return LOOKS.map((look, i) => stepped(texture(size, channels, look, i + 1), channels, card.intensity.steps));
}

/**
 * As many textures, all different in brightness, contrast and grain, taken through the card's steps: images to fit a
 * network's statistics on where no data are at hand.
 */
export function textureImages(card: Pick<ModelCard, 'input' | 'intensity'>, count: number): Float32Array[] {
  const { size, channels } = card.input;
  const spread = (i: number, by: number) => ((i + 1) * by) % 1;
  return Array.from({ length: count }, (_, i) => {
    const mean = 0.15 + 0.7 * spread(i, 0.618034);
    const look = { mean, range: Math.min(mean, 1 - mean) * (0.3 + 0.7 * spread(i, 0.754878)), wave: 3 + (i % 8) * 1.5 };
    return stepped(texture(size, channels, look, 100 + i), channels, card.intensity.steps);
  });
}

/** Mean and half range of the values, and the waves' length in pixels. */
interface Look {
  readonly mean: number;
  readonly range: number;
  readonly wave: number;
}

function texture(size: readonly number[], channels: number, { mean, range, wave }: Look, seed: number): Float32Array {
  const [rows, columns] = size.slice(-2) as [number, number];
  const noise = hashed(seed);
  const values = new Float32Array(sizeOf(size) * channels);
  const slices = values.length / (rows * columns * channels);
  const along = Float64Array.from({ length: slices * rows }, (_, i) =>
    Math.sin((i % rows) / wave + seed + Math.floor(i / rows)),
  );
  const across = Float64Array.from({ length: columns * channels }, (_, i) =>
    Math.cos(Math.floor(i / channels) / (wave * 0.8) + (i % channels)),
  );
  for (let i = 0; i < values.length; i++) {
    const waves = along[Math.floor(i / across.length)]! * across[i % across.length]!;
    values[i] = mean + range * (0.6 * waves + 0.8 * (noise() - 0.5));
  }
  return values;
}

/** Uniform numbers in [0, 1). */
function hashed(seed: number): () => number {
  let state = (seed * 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** The card's steps on one image; a normalisation takes its statistics from the image itself. */
function stepped(values: Float32Array, channels: number, steps: ModelCard['intensity']['steps']): Float32Array {
  for (const step of steps) {
    if ('normalise' in step) {
      const [centre, spread] = step.normalise === 'min-max' ? extent(values) : moments(values);
      for (let i = 0; i < values.length; i++) values[i] = (values[i]! - centre) / (spread || 1);
      continue;
    }
    const [kind, by] = Object.entries(step)[0] as [string, number | readonly number[]];
    for (let i = 0; i < values.length; i++) {
      const b = typeof by === 'number' ? by : by[i % channels]!;
      values[i] = kind === 'multiply' ? values[i]! * b : kind === 'divide' ? values[i]! / b : values[i]! - b;
    }
  }
  return values;
}

function extent(values: Float32Array): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return [low, values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) - low];
}

function moments(values: Float32Array): [number, number] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return [mean, Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)];
}
