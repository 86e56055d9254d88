import type { Plan, PlannedModel } from '../../config/plan.ts';
import { isPositive, samplesOf } from '../../config/samples.ts';
import { imageBatch } from '../../core/batch.ts';
import type { FullClassifier, Sample } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { patches } from '../../core/perturbation/partition.ts';
import { sequenceOf } from '../../core/perturbation/path.ts';
import { type Removal, removalPath } from '../../core/perturbation/removal.ts';
import { positiveClass } from '../../core/positive-class.ts';
import { createRng } from '../../core/rng.ts';
import { distanceToNearest } from '../../core/statistics/nearest.ts';
import type { PatientValue } from '../../core/statistics/patients.ts';
import { auc, rocOrder } from '../../core/statistics/roc.ts';
import { type Summary, summarise } from '../../core/statistics/summary.ts';
import { planar } from '../../core/tensor.ts';
import { NO_LESION } from '../../core/truth/variants.ts';
import type { ModelRef } from '../../jobs/job.ts';
import type { LoadedImage } from '../../jobs/loaded-image.ts';
import type { LocalServices } from '../../jobs/local-services.ts';
import { stageFeatures, stagesOf } from './stages.ts';

/** Shares of the image's pixels that are removed, on the way to all of them. */
export const SHARES = [0.05, 0.1, 0.25, 0.5, 0.75, 1] as const;
/** Distances are those to the tenth nearest training image. */
export const NEIGHBOURS = 10;
/** Patches along each side of the image that are removed one after the other. */
const PATCHES = 14;
/** Without placebos an effect of the lesions below this, in log-odds, is too small to divide by. */
const LEAST_EFFECT = 0.1;

/** One baseline for one model. */
export interface PanelRow {
  readonly model: string;
  readonly baseline: string;
  /** Why there is nothing to say: the baseline is not for this model or these data. */
  readonly reason?: string;
  /**
   * Where a lesion was removed by the baseline: the fall of the positive class's log-odds, as a share of the fall when the
   * lesion was never there. 1: removed; 0: nothing changed; beyond: something else was put in.
   */
  readonly removal?: Summary;
  /** The fall of the log-odds where all of the image is removed. */
  readonly fall?: Summary;
  /**
   * How far images with a share of their pixels removed are from the training images, for each of `SHARES`: the chance
   * that such an image is farther away than one as it is, at the stage of the network where it is largest (AUROC).
   */
  readonly shift?: readonly number[];
}

export interface PanelOptions {
  readonly plan: Plan;
  readonly model: PlannedModel;
  readonly ref: ModelRef;
  readonly services: LocalServices;
  /** Names of baselines, all of them in the plan. */
  readonly baselines: readonly string[];
  /** Training images that distances are taken to, at most. */
  readonly bank: number;
  /** Told of each image that can't be read: it is left out. */
  readonly onUnreadable: (sample: string, reason: string) => void;
  readonly signal: AbortSignal;
}

interface Looked {
  readonly patient: string;
  readonly image: LoadedImage;
  readonly score: number;
  /** The score where the lesions were never there. */
  readonly without?: number;
  /** Pixels whose removal takes the lesions away. */
  readonly lesion?: Uint32Array;
  /** All pixels, patch by patch in an order that no explainer chose, and how many are removed at each share. */
  readonly path: { readonly pixels: Uint32Array; readonly counts: readonly number[] };
}

/** What each baseline does to a model's scores, and how strange its images are to the network. */
export async function measurePanel(options: PanelOptions): Promise<PanelRow[]> {
  const { plan, model, ref, services, baselines, signal } = options;
  const target = { class: positiveClass(model.card), score: 'margin' } as const;
  const scoresOf = (run: (classifier: FullClassifier) => Promise<Float32Array>) => services.onModel(ref, run);
  const score = async (image: LoadedImage) =>
    (await scoresOf(c => c.score(imageBatch(image.image), target, { signal })))[0]!;
  const least = (await services.chance?.(ref, target.class))?.threshold ?? LEAST_EFFECT;
  const distances = await distancesFor(options);
  const found = new Map(baselines.map(name => [name, newGathered()]));
  const clean: number[][] = [];
  let done = 0;
  let unreadable: unknown;
  for await (const sample of samplesOf(plan)) {
    signal.throwIfAborted();
    if (!isPositive(plan.dataset, model, sample)) continue;
    services.begin(sample, done);
    const looked = await look(sample, options, score).catch(error => {
      signal.throwIfAborted();
      unreadable = error;
      options.onUnreadable(sample.id, messageOf(error));
      return undefined;
    });
    if (!looked) {
      services.end(sample);
      continue;
    }
    clean.push((await distances?.(removalOf(looked), looked.path.pixels, [0]))?.[0] ?? []);
    for (const name of baselines) {
      const gathered = found.get(name)!;
      if (gathered.reason !== undefined) continue;
      try {
        const { image: baseline, fill } = await looked.image.baseline(name);
        const removal = { image: looked.image.image, baseline, ...(fill ? { fill } : {}) };
        const { lesion, path, patient } = looked;
        const gone = await scoresOf(c =>
          c.score(removalPath(removal, 'removed', path.pixels, [path.pixels.length]), target, { signal }),
        );
        gathered.falls.push({ patient, value: looked.score - gone[0]! });
        const effect = looked.without === undefined ? 0 : looked.score - looked.without;
        if (lesion && Math.abs(effect) > least) {
          const left = await scoresOf(c =>
            c.score(removalPath(removal, 'removed', lesion, [lesion.length]), target, { signal }),
          );
          gathered.removals.push({ patient, value: (looked.score - left[0]!) / effect });
        }
        if (distances) gathered.distances.push(await distances(removal, path.pixels, path.counts));
      } catch (error) {
        signal.throwIfAborted();
        gathered.reason = messageOf(error);
      }
    }
    services.end(sample);
    done++;
  }
  if (done === 0 && unreadable !== undefined) throw unreadable;
  if (done === 0) {
    throw new CtXaiError('DATA', `the suite has no image whose label is '${model.card.classes[target.class]}'.`);
  }
  return baselines.map(baseline => rowOf(model.id, baseline, found.get(baseline)!, clean));
}

interface Gathered {
  reason?: string;
  readonly falls: PatientValue[];
  readonly removals: PatientValue[];
  /** [image][share][stage] */
  readonly distances: number[][][];
}

function newGathered(): Gathered {
  return { falls: [], removals: [], distances: [] };
}

function removalOf({ image }: Looked): Removal {
  return { image: image.image, baseline: image.image };
}

async function look(
  sample: Sample,
  { plan, ref, services }: PanelOptions,
  score: (image: LoadedImage) => Promise<number>,
): Promise<Looked> {
  const at = { id: sample.id, data: plan.dataset.digest };
  const image = await services.image(ref, at);
  const size = planar(image.view.shape);
  const elements = patches(size, [Math.ceil(size[0] / PATCHES), Math.ceil(size[1] / PATCHES)]);
  const places = Uint32Array.from({ length: elements.start.length - 1 }, (_, i) => i);
  const order = createRng(plan.seed).fork('panel', sample.id).shuffle(places);
  const { pixels } = sequenceOf(elements, order);
  const counts = SHARES.map(share => Math.round(share * pixels.length));
  const own = { patient: sample.patient, image, score: await score(image), path: { pixels, counts } };
  if (!sample.variants?.includes(NO_LESION)) return own;
  const without = await services.image(ref, { ...at, variant: NO_LESION });
  const lesion = placesOf(
    image.mask?.data ?? image.prepared.raw.data.map((v, i) => (v === without.prepared.raw.data[i] ? 0 : 1)),
  );
  return { ...own, without: await score(without), ...(lesion.length > 0 ? { lesion } : {}) };
}

function placesOf(mask: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: mask.length }, (_, i) => i).filter(i => mask[i]! > 0);
}

/** Distances of images with pixels removed, [share][stage]; undefined where there are no training images, or no layers. */
async function distancesFor({ ref, services, bank: most, signal }: PanelOptions) {
  const images = await services.trainingImages(ref, most);
  if (images.length < NEIGHBOURS) return undefined;
  return services.onModel(ref, async classifier => {
    if (!classifier.capabilities.has('activations')) return undefined;
    const stages = stagesOf(await classifier.layers());
    if (stages.length === 0) return undefined;
    const bank = stages.map((): Float64Array[] => []);
    for (const { image } of images) {
      const features = await stageFeatures(classifier, imageBatch(image), stages, signal);
      features.forEach(([own], s) => void bank[s]!.push(own!));
    }
    return async (removal: Removal, pixels: Uint32Array, counts: readonly number[]): Promise<number[][]> => {
      const batch = removalPath(removal, 'removed', pixels, counts);
      const features = await services.onModel(ref, model => stageFeatures(model, batch, stages, signal));
      const byStage = features.map((own, s) => distanceToNearest(own, bank[s]!, NEIGHBOURS));
      return counts.map((_, n) => byStage.map(stage => stage[n]!));
    };
  });
}

function rowOf(model: string, baseline: string, gathered: Gathered, clean: readonly number[][]): PanelRow {
  const { reason, falls, removals, distances } = gathered;
  if (reason !== undefined) return { model, baseline, reason };
  return {
    model,
    baseline,
    ...(removals.length > 0 ? { removal: summarise(removals) } : {}),
    ...(falls.length > 0 ? { fall: summarise(falls) } : {}),
    ...(distances.length > 0
      ? {
          shift: SHARES.map((_, n) =>
            worstAuc(
              distances.map(image => image[n]!),
              clean,
            ),
          ),
        }
      : {}),
  };
}

/** The largest area under the ROC curve over the stages, of changed images against those as they are. */
function worstAuc(changed: readonly number[][], clean: readonly number[][]): number {
  const positive = [...changed.map(() => true), ...clean.map(() => false)];
  const areas = changed[0]!.map(
    (_, s) =>
      auc(
        rocOrder(
          [...changed, ...clean].map(stages => stages[s]!),
          positive,
        ),
      ) ?? 0.5,
  );
  return Math.max(...areas);
}
