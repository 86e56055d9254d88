import { z } from 'zod';
import { imageBatch } from '../../../core/batch.ts';
import {
  type Cost,
  isUndefined,
  type MetricContext,
  type Undefined,
  undefinedBecause,
} from '../../../core/contracts/index.ts';
import { bodyMask } from '../../../core/image/body.ts';
import { spacingOrGuess, windowEnds } from '../../../core/image/window.ts';
import { ctNoise, noiseLevel } from '../../../core/perturbation/noise.ts';
import { predicts } from '../../../core/predicts.ts';
import { type Tensor, tensor } from '../../../core/tensor.ts';

/** Noise below this share of the window is not worth asking about. */
const LEAST_NOISE = 0.005;

/** What the metrics have in common that explain noisy copies of an image; with equal settings they share the copies. */
export const noiseOptions = {
  draws: z.int().min(1).max(1000).default(10).describe('noisy copies of the image that are explained'),
  noise: z
    .enum(['acquisition', 'uniform'])
    .default('acquisition')
    .describe('noise with the spectrum of CT, as strong as the image’s own; or uniform in ± radius, in input space'),
  strength: z
    .number()
    .positive()
    .optional()
    .describe('standard deviation of acquisition noise as a share of the window; default: measured on the image'),
  radius: z.number().positive().default(0.02).describe('of uniform noise, in input space'),
};

export type NeighbourOptions = z.output<z.ZodObject<typeof noiseOptions>>;

/** A noisy copy of the image whose class is predicted, or not, as before. */
export interface Neighbour {
  readonly image: Tensor;
  readonly map: Tensor;
  /** All classes' logits. */
  readonly logits: readonly number[];
}

export interface Neighbourhood {
  /** Names the noise, in keys of shared work. */
  readonly name: string;
  /** All classes' logits for the image itself. */
  readonly logits: readonly number[];
  readonly neighbours: readonly Neighbour[];
  /** Share of the copies that moved the class explained to or from the first place: they are not explained. */
  readonly flippedShare: number;
  /** Share of the copies of which the explainer gave no map. */
  readonly missingShare: number;
  /** Standard deviation of the noise: as a share of the window, or in input space for uniform noise. */
  readonly strength: number;
}

/** One pass for the image and one for each copy; each copy is explained unless it flips the prediction. */
export function noiseCost({ draws, noise, strength, radius }: NeighbourOptions, explanation: Cost): Cost {
  const key = JSON.stringify(['copies', draws, noise, noise === 'uniform' ? radius : (strength ?? 'measured')]);
  const explained = { forward: draws * explanation.forward, backward: draws * explanation.backward };
  return {
    forward: 1 + draws + explained.forward,
    backward: explained.backward,
    atMost: true,
    shared: [
      { key, per: 'image', forward: 1 + draws, backward: 0 },
      { key, per: 'map', ...explained },
    ],
  };
}

/**
 * Maps of noisy copies of the image, by the same explainer with the same random numbers. Copies are the same for all
 * explainers; maps are shared by the metrics of one map. Undefined where there is no map to compare with.
 */
export async function neighbourhoodOf(context: MetricContext<NeighbourOptions>): Promise<Neighbourhood | Undefined> {
  const { options } = context;
  const noise = noiseOf(context);
  if (noise === null) return undefinedBecause('the image does not vary, so that the window’s range is unknown');
  const name = [options.noise, options.noise === 'uniform' ? options.radius : (options.strength ?? 'measured')];
  const copies = Array.from({ length: options.draws }, (_, i) => noise.copy(i));
  const scores = await context.memo(`scores of copies/${name.join('/')}/${options.draws}`, async () => {
    const batch = imageBatch(context.image, ...copies);
    // Findings are predicted by their log-odds, which are their logits.
    const as = context.model.independent ? 'margin' : 'logit';
    return [...(await context.model.scores(batch, { as, signal: context.signal })).data];
  });
  const classes = context.model.classes.length;
  const logits = (i: number) => scores.slice(i * classes, (i + 1) * classes);
  const first = (values: readonly number[]) => predicts(context.model, values, context.target.class);
  const neighbours: Neighbour[] = [];
  let flipped = 0;
  let reason = '';
  for (const [i, image] of copies.entries()) {
    if (first(logits(i + 1)) !== first(logits(0))) {
      flipped++;
      continue;
    }
    const again = await context.explain({ image, key: `noise ${name.join(' ')}, copy ${i}` });
    if (isUndefined(again)) reason ||= again.undefined;
    else neighbours.push({ image, map: again.map, logits: logits(i + 1) });
  }
  if (neighbours.length === 0) {
    return undefinedBecause(
      flipped === copies.length ? 'the noise changes the prediction in every copy' : `no copy has a map: ${reason}`,
    );
  }
  return {
    name: name.join(' '),
    logits: logits(0),
    neighbours,
    flippedShare: flipped / copies.length,
    missingShare: (copies.length - flipped - neighbours.length) / copies.length,
    strength: noise.strength,
  };
}

/** Numbers that all these metrics report. */
export function detailsOf({ neighbours, flippedShare, missingShare, strength }: Neighbourhood): Record<string, number> {
  return { copies: neighbours.length, flippedShare, missingShare, strength };
}

/** The copies' noise; null where the window's range in input space can't be told. */
function noiseOf(
  context: MetricContext<NeighbourOptions>,
): { readonly strength: number; copy(i: number): Tensor } | null {
  const { image, view, options } = context;
  const stream = (i: number) => context.rng.fork('noise', options.noise, i);
  if (options.noise === 'uniform') {
    const copy = (i: number): Tensor => {
      const rng = stream(i);
      return tensor(
        image.shape,
        image.data.map(v => v + options.radius * (2 * rng.next() - 1)),
      );
    };
    return { strength: options.radius / Math.sqrt(3), copy };
  }
  const ends = windowEnds(context);
  if (ends === null) return null;
  const strength = options.strength ?? Math.max(LEAST_NOISE, noiseLevel(view, bodyMask(view)));
  const channels = ends.length;
  const copy = (i: number): Tensor => {
    const field = ctNoise(view.shape, spacingOrGuess(context), stream(i));
    const scale = ends.map(([low, high]) => strength * (high - low));
    return tensor(
      image.shape,
      image.data.map((v, k) => v + scale[k % channels]! * field.data[Math.floor(k / channels)]!),
    );
  };
  return { strength, copy };
}
