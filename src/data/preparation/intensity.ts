import type { ModelCard } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';

/** Takes raw values on the model's grid, [h, w] or [h, w, c], to what the network eats, [h, w, c]. */
export type Intensity = (raw: Tensor) => Tensor;

type CardPart = Pick<ModelCard, 'input' | 'intensity'>;

/** The image in the card's window, the first of several: raw values → the same shape in 0…1, clipped. */
export function windowed({ intensity: { window } }: Pick<ModelCard, 'intensity'>, raw: Tensor): Tensor {
  return tensor(
    raw.shape,
    raw.data.map(v => inWindow(v, window)),
  );
}

/** What the channels see, in 0…1: the image in the card's window, or [h, w] in each of its windows, [h, w, windows]. */
function channelsOf(card: Pick<ModelCard, 'intensity'>, raw: Tensor): Tensor {
  const { windows } = card.intensity;
  const [h, w, given = 1] = raw.shape as [number, number, number?];
  if (windows === undefined || given !== 1) return windowed(card, raw);
  const out = new Float32Array(h * w * windows.length);
  for (const [c, window] of windows.entries()) {
    for (let i = 0; i < h * w; i++) out[i * windows.length + c] = inWindow(raw.data[i]!, window);
  }
  return tensor([h, w, windows.length], out);
}

function inWindow(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

/**
 * The card's intensity steps with their statistics frozen from `reference`, the unperturbed image in raw space: [h, w],
 * whose plane is repeated to the card's channels, or [h, w, c]. The function returned is pointwise, and so commutes with
 * masking; raw-space baselines go through it too.
 *
 * Values are clipped to the window, which becomes 0…1 (or each channel to its own); then the card's steps, each an affine map per channel, act in
 * turn. `normalise` takes its minimum and maximum, or mean and population standard deviation, over all pixels and
 * channels of the reference as the steps before it have left them.
 * @throws CtXaiError IMAGE if a normalisation finds the reference constant within the window.
 */
export function intensity(card: CardPart, reference: Tensor): Intensity {
  const channels = card.input.channels;
  const { scale, offset } = frozenSteps(card, reference);
  return raw => {
    const seen = channelsOf(card, raw);
    const [h, w, given = 1] = seen.shape as [number, number, number?];
    const view = seen.data;
    const out = new Float32Array(h * w * channels);
    for (let i = 0, o = 0; i < view.length; i += given) {
      for (let c = 0; c < channels; c++) out[o++] = view[given === 1 ? i : i + c]! * scale[c]! + offset[c]!;
    }
    return tensor([h, w, channels], out);
  };
}

interface Affine {
  readonly scale: number[];
  readonly offset: number[];
}

/** All steps composed to one affine map per channel, so that rounding happens once. */
function frozenSteps(card: CardPart, reference: Tensor): Affine {
  const channels = card.input.channels;
  const scale = new Array<number>(channels).fill(1);
  const offset = new Array<number>(channels).fill(0);
  let statistics: readonly Statistics[] | undefined;
  const at = (v: number | readonly number[], c: number): number => (typeof v === 'number' ? v : v[c]!);
  for (const step of card.intensity.steps) {
    if ('normalise' in step) {
      statistics ??= statisticsOf(channelsOf(card, reference), channels);
      const [centre, spread] = normaliser(step.normalise, statistics, { scale, offset });
      for (let c = 0; c < channels; c++) {
        scale[c] = scale[c]! / spread;
        offset[c] = (offset[c]! - centre) / spread;
      }
      continue;
    }
    for (let c = 0; c < channels; c++) {
      if ('multiply' in step) {
        scale[c] = scale[c]! * at(step.multiply, c);
        offset[c] = offset[c]! * at(step.multiply, c);
      } else if ('divide' in step) {
        scale[c] = scale[c]! / at(step.divide, c);
        offset[c] = offset[c]! / at(step.divide, c);
      } else {
        offset[c] = offset[c]! - at(step.subtract, c);
      }
    }
  }
  return { scale, offset };
}

interface Statistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Population variance. */
  readonly variance: number;
}

/** Of each of the card's channels; all are the same where the image has one plane. */
function statisticsOf({ shape, data }: Tensor, channels: number): Statistics[] {
  const given = shape[2] ?? 1;
  const each = Array.from({ length: given }, (_, c) => statisticsOfPlane(data, c, given));
  return Array.from({ length: channels }, (_, c) => each[given === 1 ? 0 : c]!);
}

function statisticsOfPlane(data: Float32Array, first: number, step: number): Statistics {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = first; i < data.length; i += step) {
    min = Math.min(min, data[i]!);
    max = Math.max(max, data[i]!);
    sum += data[i]!;
  }
  const n = data.length / step;
  const mean = sum / n;
  let squares = 0;
  for (let i = first; i < data.length; i += step) squares += (data[i]! - mean) ** 2;
  return { min, max, mean, variance: squares / n };
}

/** What is subtracted, and what is divided by, given the affine maps so far. */
function normaliser(
  kind: 'min-max' | 'z-score',
  planes: readonly Statistics[],
  { scale, offset }: Affine,
): [number, number] {
  if (planes.every(s => s.min === s.max)) {
    throw new CtXaiError('IMAGE', `the image is constant within the model's window, so '${kind}' can't be computed.`, {
      hint: 'Check the image, its unit and intensity.window of the model card.',
    });
  }
  if (kind === 'min-max') {
    const ends = scale.flatMap((k, c) => [k * planes[c]!.min + offset[c]!, k * planes[c]!.max + offset[c]!]);
    const low = Math.min(...ends);
    return [low, Math.max(...ends) - low];
  }
  const means = scale.map((k, c) => k * planes[c]!.mean + offset[c]!);
  const mean = means.reduce((a, b) => a + b, 0) / means.length;
  const variance =
    scale.reduce((a, k, c) => a + k * k * planes[c]!.variance + (means[c]! - mean) ** 2, 0) / scale.length;
  return [mean, Math.sqrt(variance)];
}
