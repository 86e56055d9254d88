import type { Baseline, BaselineContext, ModelCard, Source } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { bodyOf } from '../../core/image/lungs.ts';
import { createRng } from '../../core/rng.ts';
import { planar, sameShape, type Tensor } from '../../core/tensor.ts';
import { type Geometry, geometryOf, gridSpacing, maskToGrid, toGrid } from './geometry.ts';
import { type Intensity, intensity, windowed } from './intensity.ts';

/** An image as one model sees it, on that model's grid of h × w pixels. */
export interface PreparedImage {
  /** [h, w] in HU or grey levels; [h, w, 3] where the model sees the picture's colours. */
  readonly raw: Tensor;
  /** [h, w, c], what the network eats. */
  readonly input: Tensor;
  /** [h, w] in 0…1: the image in the card's window, to segment and to show. */
  readonly view: Tensor;
  /** Millimetres per pixel of the grid, [rows, columns]; absent where the source has none. */
  readonly spacing?: readonly [number, number];
  readonly geometry: Geometry;
  /** The steps from raw to input, statistics frozen from this image. */
  readonly intensity: Intensity;
}

/**
 * Source space → raw space → input space. Cropped and resampled once; what lies beyond the source is the card's air.
 * @param where Said in errors: the image.
 * @param geometry Of a variant: that of the slice as it is, so that both lie on the same grid.
 * @throws CtXaiError IMAGE if the source's unit is not the card's, or it has values that are not finite.
 */
export function prepare(
  source: Source,
  card: ModelCard,
  where = 'the image',
  geometry: Geometry = geometryOf(source, card, where),
): PreparedImage {
  const { unit, air } = card.intensity;
  if (source.unit !== unit) {
    const name = { HU: 'Hounsfield units', grey: 'grey levels 0…255' };
    throw new CtXaiError(
      'IMAGE',
      `${where} is in ${name[source.unit]}, and the model '${card.id}' wants ${name[unit]}.`,
      {
        hint:
          unit === 'HU'
            ? "Set the data's 'rescale' (slope and intercept) if its stored values stand for Hounsfield units."
            : "Set intensity.unit of the model card to 'HU' with a window if the model was trained on HU.",
      },
    );
  }
  const coloured = card.input.channels === 3 && card.input.colour !== false ? source.colour : undefined;
  if (coloured && !sameShape(coloured.shape, [...source.pixels.shape, 3])) {
    throw new CtXaiError('IMAGE', `${where} is [${source.pixels.shape}], its colours [${coloured.shape}].`);
  }
  const seen = coloured ?? source.pixels;
  if (![...new Set([source.pixels, seen])].every(({ data }) => data.every(Number.isFinite))) {
    throw new CtXaiError('IMAGE', `${where} has NaN or infinite pixels.`);
  }
  const { antialias, round } = card.resize;
  const onGrid = (image: Tensor) => toGrid(image, geometry, { beyond: air, antialias, ...(round ? { round } : {}) });
  const raw = onGrid(seen);
  const steps = intensity(card, raw);
  return {
    raw,
    input: steps(raw),
    view: windowed(card, coloured ? onGrid(source.pixels) : raw),
    ...(source.spacing ? { spacing: gridSpacing(geometry, planar(source.spacing)) } : {}),
    geometry,
    intensity: steps,
  };
}

/** A source mask [h, w] of 0 and 1 on the grid of the prepared image. @throws CtXaiError IMAGE if sizes differ. */
export function prepareMask(mask: Tensor, { geometry }: Pick<PreparedImage, 'geometry'>, where = 'the image'): Tensor {
  if (!sameShape(mask.shape, geometry.source)) {
    const [size, other] = [geometry.source, mask.shape].map(s => `${s[1]} × ${s[0]}`);
    throw new CtXaiError('IMAGE', `${where} is ${size}, its mask ${other}.`);
  }
  return maskToGrid(mask, geometry);
}

/** A baseline of one prepared image, in input space. */
export interface PreparedBaseline {
  /** [h, w, c] */
  readonly image: Tensor;
  /** Of a filler: the image with the pixels of `removed` ([h, w] of 0 and 1) filled from the rest, [h, w, c]. */
  readonly fill?: (removed: Uint8Array) => Tensor;
}

/** What a baseline may ask the data for, in source space's prepared forms. */
export interface BaselineSources extends Pick<BaselineContext, 'rng'> {
  /** Another version of the sample. */
  variant(name: string): Promise<PreparedImage | undefined>;
  trainingImages(count: number): Promise<readonly PreparedImage[]>;
}

const NO_SOURCES: BaselineSources = {
  rng: createRng('baseline'),
  variant: async () => undefined,
  trainingImages: async () => [],
};

/** A baseline of the prepared image. Raw-space baselines go through the steps frozen from the image. */
export async function prepareBaseline(
  baseline: Baseline,
  prepared: PreparedImage,
  card: ModelCard,
  sources: BaselineSources = NO_SOURCES,
): Promise<PreparedBaseline> {
  const raw = baseline.space === 'raw';
  const own = (p: PreparedImage) => (raw ? p.raw : p.input);
  const inInput = (t: Tensor) => (raw ? prepared.intensity(t) : t);
  const context: BaselineContext = {
    card,
    ...(prepared.spacing ? { spacing: prepared.spacing } : {}),
    rng: sources.rng,
    bodyMask: () => bodyOf(prepared.raw, card.intensity.unit, () => prepared.view),
    async variant(name) {
      const found = await sources.variant(name);
      return found && own(found);
    },
    trainingImages: async count => (await sources.trainingImages(count)).map(own),
  };
  const image = inInput(await baseline.make(own(prepared), context));
  if (!baseline.fill) return { image };
  return { image, fill: removed => inInput(baseline.fill!(own(prepared), removed, context)) };
}
