import type { Baseline, ModelCard, Sample } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { type ValueDoubt, valueRange } from '../core/image/doubts.ts';
import type { Rng } from '../core/rng.ts';
import { filled, type Tensor, tensor } from '../core/tensor.ts';
import { geometryOf } from '../data/preparation/geometry.ts';
import {
  type PreparedBaseline,
  type PreparedImage,
  prepare,
  prepareBaseline,
  prepareMask,
} from '../data/preparation/prepare.ts';

/** An image ready for one model. Whoever is handed its tensors must not write to them; plug-ins are given copies. */
export interface LoadedImage {
  /** [...spatial] as read. */
  readonly size: readonly number[];
  readonly spacing?: readonly number[];
  /** [...spatial, c], input space. */
  readonly image: Tensor;
  /** [...spatial] in 0…1. */
  readonly view: Tensor;
  /** [...spatial] of 0 and 1 on the model's grid; absent where the sample has none. */
  readonly mask?: Tensor;
  /** What is odd about the values as read. */
  readonly doubt?: ValueDoubt;
  /** How far apart input values are between the ends of the card's window, one per channel. */
  readonly windowRange: readonly number[];
  /** The first channel of an image in input space, in 0…1 between the ends of the card's window. */
  viewOf(input: Tensor): Tensor;
  readonly prepared: PreparedImage;
  /** In input space; zeros where no baseline is named. Made once. */
  baseline(name: string | undefined): Promise<PreparedBaseline>;
  /** The same image where all values of input space are greater by this, and what its baselines become there. */
  shifted(by: number): LoadedImage;
}

export interface LoadImageOptions {
  readonly card: ModelCard;
  readonly baselines: ReadonlyMap<string, Baseline>;
  /** One of the sample's variants. */
  readonly variant?: string | undefined;
  readonly rng: Rng;
  /** Another variant of the same sample, for baselines that are one. */
  variantOf(name: string): Promise<LoadedImage | undefined>;
  trainingImages(count: number): Promise<readonly LoadedImage[]>;
  readonly signal: AbortSignal;
}

/** Reads an image and prepares it once. @throws CtXaiError IMAGE or DATA if it can't be read or doesn't fit. */
export async function loadImage(sample: Sample, options: LoadImageOptions): Promise<LoadedImage> {
  const { card, variant, signal } = options;
  const { source, mask, lung } = await sample.load(signal, variant);
  const whole = variant !== undefined && card.resize.region ? await sample.load(signal) : undefined;
  const geometry = geometryOf(whole?.source ?? source, card, sample.source, whole ? whole.lung : lung);
  const prepared = prepare(source, card, sample.source, geometry);
  const { doubt } = valueRange(source);
  const facts = {
    size: source.pixels.shape,
    ...(mask ? { mask: prepareMask(mask, prepared, sample.source) } : {}),
    ...(doubt ? { doubt } : {}),
    windowRange: windowRange(prepared, card),
    viewOf: (input: Tensor) => inWindow(input, prepared, card),
  };
  return withBaselines(prepared, facts, options);
}

function withBaselines(
  prepared: PreparedImage,
  facts: Pick<LoadedImage, 'size' | 'mask' | 'doubt' | 'windowRange' | 'viewOf'>,
  options: LoadImageOptions,
): LoadedImage {
  const { card, baselines } = options;
  const made = new Map<string, Promise<PreparedBaseline>>();
  const sources = {
    rng: options.rng,
    variant: async (name: string) => (await options.variantOf(name))?.prepared,
    trainingImages: async (count: number) => (await options.trainingImages(count)).map(image => image.prepared),
  };
  return {
    ...facts,
    ...(prepared.spacing ? { spacing: prepared.spacing } : {}),
    image: prepared.input,
    view: prepared.view,
    prepared,
    shifted: by => withBaselines(shiftedBy(prepared, by), facts, options),
    async baseline(name) {
      if (name === undefined) return { image: tensor(prepared.input.shape) };
      let found = made.get(name);
      if (!found) {
        const baseline = baselines.get(name);
        if (!baseline) throw new CtXaiError('SUITE', `no baseline is called '${name}'.`);
        found = prepareBaseline(baseline, prepared, card, { ...sources, rng: options.rng.fork(name) });
        made.set(name, found);
      }
      return found;
    },
  };
}

function shiftedBy(prepared: PreparedImage, by: number): PreparedImage {
  const moved = (t: Tensor): Tensor => ({ shape: t.shape, data: t.data.map(v => v + by) });
  return { ...prepared, input: moved(prepared.input), intensity: raw => moved(prepared.intensity(raw)) };
}

/** How near the first channel must be to the view for it to tell what another image looks like. */
const TELLS = 1e-3;

/**
 * An image as an explainer sees another one in its place: what it looks like is then that of the other, so that segments
 * and edges are found anew. Of colour pictures input space does not tell it, and their view stays.
 * @param input [...spatial, c]
 */
export function inPlaceOf(image: LoadedImage, input: Tensor): LoadedImage {
  if (input.data.every((v, i) => v === image.image.data[i])) return image;
  const own = image.viewOf(image.image).data;
  if (own.some((v, i) => !(Math.abs(v - image.view.data[i]!) < TELLS))) return image;
  const { shape, data } = image.viewOf(input);
  return { ...image, view: { shape, data: data.map(v => Math.min(1, Math.max(0, v))) } };
}

/** Too little for a map to show, enough that nothing remembered of an image fits it. */
const VARIATION = 1e-6;

/** The image with its values scaled by 1 − k·10⁻⁶: one that no explainer has seen, and that costs the same. */
export function varied(image: LoadedImage, k: number): LoadedImage {
  const scaled = (t: Tensor): Tensor => ({ shape: t.shape, data: t.data.map(v => v * (1 - VARIATION * k)) });
  return k === 0 ? image : { ...image, image: scaled(image.image), view: scaled(image.view) };
}

/** By the image's own steps, which are pointwise. */
function windowRange({ raw, input, intensity }: PreparedImage, { intensity: { window } }: ModelCard): number[] {
  const [low, high] = window.map(value => intensity(filled(raw.shape, value)).data);
  return Array.from({ length: input.shape.at(-1)! }, (_, c) => Math.abs(high![c]! - low![c]!));
}

function inWindow(input: Tensor, { raw, intensity }: PreparedImage, { intensity: { window } }: ModelCard): Tensor {
  const [low, high] = window.map(value => intensity(filled(raw.shape, value)).data[0]!);
  const channels = input.shape.at(-1)!;
  const out = tensor(input.shape.slice(0, -1));
  out.data.forEach((_, i) => {
    out.data[i] = (input.data[i * channels]! - low!) / (high! - low!);
  });
  return out;
}

export function copy(t: Tensor): Tensor {
  return { shape: [...t.shape], data: t.data.slice() };
}
