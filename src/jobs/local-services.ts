import type { Plan, PlannedModel } from '../config/plan.ts';
import { referenceOf } from '../config/reference.ts';
import { samplesOf } from '../config/samples.ts';
import type { Effects, FullClassifier, Sample } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { createRng } from '../core/rng.ts';
import type { ChanceEffects } from '../core/truth/threshold.ts';
import { createMemoryGate } from '../data/pixels/memory-gate.ts';
import type { RunStore } from '../results/run-store.ts';
import { chanceEffectsOf } from './chance-effects.ts';
import { effectsFor } from './effects.ts';
import { explainerOf } from './explaining.ts';
import { type Job, keyOf, type ModelRef, type Need, type SampleRef, variantName } from './job.ts';
import { type LoadedImage, loadImage } from './loaded-image.ts';
import type { ModelSession } from './open-model.ts';
import type { JobResult, PlannedSample, Services } from './services.ts';
import { createSharedWork, type SharedWork } from './shared-work.ts';

/** What of a plan its services are made of. */
export type ServicesPlan = Pick<
  Plan,
  'models' | 'dataset' | 'limit' | 'registry' | 'baselines' | 'seed' | 'background'
> & { readonly output?: Pick<Plan['output'], 'gallery'> };

export interface LocalServicesOptions {
  readonly plan: ServicesPlan;
  /** Where results of jobs done before lie; absent: only what `remember` was given is known. */
  readonly store?: Pick<RunStore, 'rowsOf' | 'arraysOf'>;
  readonly signal: AbortSignal;
  /** Opens a model with other weights when a job asks for them in passing; absent: only models in use are there. */
  readonly open?: (model: ModelRef) => Promise<ModelSession>;
  /** A model's chance effects are not known and will be measured now, which may take minutes. */
  readonly onChance?: ((model: string) => void) | undefined;
}

/** Bytes that an image takes for each of its pixels until it lies on the model's grid: as stored, in colour, as numbers. */
const BYTES_PER_PIXEL = 32;

/** Images whose effects are kept, some 300 kB each. */
const MOST_EFFECTS = 128;

type RunOnModel = <T>(work: (classifier: FullClassifier) => Promise<T>) => Promise<T>;

/** The services of this process. What belongs to an image is kept from `begin` to `end`. */
export interface LocalServices extends Services {
  /** The model that jobs with this reference run on from now on; undefined: it is closed. */
  use(model: ModelRef, run: RunOnModel | undefined): void;
  /** An image's jobs begin: it is read once for all of them, and equal work is shared among them. */
  begin(sample: Sample, index: number): void;
  end(sample: Sample): void;
  /** A result that later jobs of the image may need. */
  remember(job: Job, result: JobResult): void;
  /** Closes what was opened in passing. */
  close(): Promise<void>;
}

interface OpenSample {
  readonly sample: Sample;
  readonly index: number;
  readonly images: Map<string, Promise<LoadedImage>>;
  readonly results: Map<string, JobResult>;
  readonly shared: Map<string, SharedWork>;
}

export function createLocalServices({
  plan,
  store,
  signal,
  open: openModel,
  onChance,
}: LocalServicesOptions): LocalServices {
  const inPassing = new Map<string, Promise<ModelSession>>();
  const room = createMemoryGate();
  // Of the largest image so far: the first is read alone.
  let bytes = Number.MAX_SAFE_INTEGER;
  let read = 0;
  const models = new Map(plan.models.map(model => [model.id, model]));
  const running = new Map<string, RunOnModel>();
  const open = new Map<string, OpenSample>();
  const chance = new Map<string, Promise<ChanceEffects | undefined>>();
  const effects = new Map<string, Promise<Effects | undefined>>();
  const background = new Map<string, Promise<LoadedImage[]>>();
  let firsts: ReadonlySet<string> | undefined;
  let all: Promise<Map<string, { readonly sample: Sample; readonly index: number }>> | undefined;

  const modelOf = (ref: ModelRef): PlannedModel => {
    const found = models.get(ref.id);
    if (found?.digest === ref.digest) return found;
    throw new CtXaiError('MODEL', `the job is for the model '${ref.id}' of digest ${ref.digest.slice(0, 12)}.`, {
      hint: found ? 'The weights or the card here are others.' : 'This plan has no such model.',
    });
  };

  const found = async ({ id, data }: SampleRef): Promise<{ readonly sample: Sample; readonly index: number }> => {
    if (data !== plan.dataset.digest) {
      throw new CtXaiError('DATA', `the job is for other data than '${plan.dataset.name}' holds now.`);
    }
    const known = open.get(id);
    if (known) return known;
    all ??= everySample(plan);
    const planned = (await all).get(id);
    if (planned) return planned;
    throw new CtXaiError('DATA', `the data '${plan.dataset.name}' has no sample '${id}'.`);
  };

  const load = async (model: ModelRef, ref: SampleRef): Promise<LoadedImage> => {
    const { sample } = await found(ref);
    const { card } = modelOf(model);
    const options = {
      card,
      baselines: plan.baselines,
      variant: ref.variant,
      // The same for all models: a noise baseline is one image's.
      rng: createRng(plan.seed).fork('baseline', sample.id),
      variantOf: async (name: string) =>
        sample.variants?.includes(name) ? services.image(model, { ...ref, variant: name }) : undefined,
      trainingImages: (count: number) => services.trainingImages(model, count),
      signal,
    };
    return room.run(bytes, async () => {
      const image = await loadImage(sample, options);
      const own = image.size.reduce((a, b) => a * b, BYTES_PER_PIXEL);
      bytes = read++ === 0 ? own : Math.max(bytes, own);
      return image;
    });
  };

  const services: LocalServices = {
    registry: plan.registry,
    signal,
    card: ref => modelOf(ref).card,
    use(model, run) {
      if (run) running.set(sessionKey(model), run);
      else running.delete(sessionKey(model));
    },
    begin(sample, index) {
      open.set(sample.id, { sample, index, images: new Map(), results: new Map(), shared: new Map() });
    },
    end(sample) {
      open.delete(sample.id);
    },
    remember(job, result) {
      if ('sample' in job) open.get(job.sample.id)?.results.set(keyOf(job), result);
    },
    async onModel(model, work) {
      const key = sessionKey(model);
      const run = running.get(key);
      if (run) return run(work);
      const opening = inPassing.get(key) ?? openModel?.(model);
      if (!opening) {
        throw new CtXaiError('MODEL', `the model '${model.id}' (${variantName(model.variant)}) is not open.`);
      }
      inPassing.set(key, opening);
      return (await opening).run(work);
    },
    async sample(model, ref): Promise<PlannedSample> {
      const { sample, index } = await found(ref);
      return { sample, index, labelled: referenceOf(modelOf(model), sample) };
    },
    async keepsFilm({ kind, model, sample, explainer, transform, replicate, tieSeed, budget }) {
      if (kind !== 'score' || model.variant.kind !== 'original') return false;
      if (sample.variant !== undefined || transform || replicate || tieSeed || budget) return false;
      const count = plan.output?.gallery ?? 0;
      if (count === 0 || explainerOf(services, explainer).role !== 'method') return false;
      all ??= everySample(plan);
      firsts ??= firstOfEachLabel([...(await all).values()], count);
      return firsts.has(sample.id);
    },
    image(model, ref) {
      const key = JSON.stringify([model.id, ref.variant ?? null]);
      const images = open.get(ref.id)?.images;
      const known = images?.get(key);
      if (known) return known;
      const loading = load(model, ref);
      images?.set(key, loading);
      return loading;
    },
    async result(need, model) {
      return open.get(need.sample)?.results.get(need.key) ?? (await stored(store, need, model));
    },
    shared(scope, job) {
      const sample = 'sample' in job ? open.get(job.sample.id) : undefined;
      if (!sample) return createSharedWork();
      const key = sharedKey(scope, job);
      const known = sample.shared.get(key) ?? createSharedWork();
      sample.shared.set(key, known);
      return known;
    },
    effects(job, target, other) {
      if (!('sample' in job)) return effectsFor(job, target, services, other);
      const of = other ? [sessionKey(other)] : [];
      const key = JSON.stringify([sessionKey(job.model), ...of, job.sample, target.class]);
      const known = effects.get(key) ?? effectsFor(job, target, services, other);
      // Later waves ask again for those of the same images; a failure is not kept.
      effects.set(key, known);
      known.catch(() => effects.delete(key));
      const oldest = effects.keys().next().value;
      if (effects.size > MOST_EFFECTS && oldest !== undefined) effects.delete(oldest);
      return known;
    },
    async chance(model, target) {
      // Under other weights effects are not judged.
      if (model.variant.kind !== 'original') return undefined;
      const key = JSON.stringify([model.id, target]);
      const known =
        chance.get(key) ??
        chanceEffectsOf(modelOf(model), target, plan.dataset, work => services.onModel(model, work), {
          signal,
          begins: onChance,
        });
      chance.set(key, known);
      return known;
    },
    async close() {
      for (const session of inPassing.values()) await closed(session);
    },
    async trainingImages(model, count) {
      const key = JSON.stringify([model.id, count]);
      const known = background.get(key) ?? backgroundImages(plan, modelOf(model), count, signal);
      background.set(key, known);
      return known;
    },
  };
  return services;
}

async function closed(session: Promise<ModelSession>): Promise<void> {
  await (await session.catch(() => undefined))?.close();
}

function sessionKey({ id, digest, variant }: ModelRef): string {
  return JSON.stringify([id, digest, variantName(variant)]);
}

function sharedKey(scope: 'image' | 'map', job: Job): string {
  const { id, variant } = job.model;
  // Other random numbers make other orders of ties and other sets of patches, of the same names.
  const numbers = 'tieSeed' in job && job.tieSeed ? [job.tieSeed] : [];
  const image = [id, variantName(variant), 'sample' in job ? (job.sample.variant ?? null) : null, ...numbers];
  if (scope === 'image' || job.kind === 'predict') return JSON.stringify(image);
  const { explainer } = job;
  const replicate = 'replicate' in job ? (job.replicate ?? 0) : 0;
  const transform = 'transform' in job ? (job.transform ?? null) : null;
  return JSON.stringify([...image, explainer.id, replicate, transform]);
}

async function stored(
  store: LocalServicesOptions['store'],
  need: Need,
  model: ModelRef,
): Promise<JobResult | undefined> {
  const rows = (await store?.rowsOf(model.id, need.sample)) ?? [];
  const row = rows.find(r => r.job === need.key);
  return row && { row, arrays: await store!.arraysOf(row) };
}

async function everySample(plan: Pick<Plan, 'dataset' | 'limit'>) {
  const samples = new Map<string, { readonly sample: Sample; readonly index: number }>();
  let index = 0;
  for await (const sample of samplesOf(plan)) samples.set(sample.id, { sample, index: index++ });
  return samples;
}

/** Ids of the first `count` samples of each label: the gallery chooses among them where it can. */
function firstOfEachLabel(planned: readonly { readonly sample: Sample }[], count: number): ReadonlySet<string> {
  const seen = new Map<string | undefined, number>();
  return new Set(
    planned.flatMap(({ sample: { id, label } }) => {
      const before = seen.get(label) ?? 0;
      seen.set(label, before + 1);
      return before < count ? [id] : [];
    }),
  );
}

/** The first images of the background data that can be read, prepared for the model. */
async function backgroundImages(
  plan: ServicesPlan,
  { card }: PlannedModel,
  count: number,
  signal: AbortSignal,
): Promise<LoadedImage[]> {
  const images: LoadedImage[] = [];
  if (!plan.background || count <= 0) return images;
  for await (const sample of plan.background.samples()) {
    const image = await loadImage(sample, {
      card,
      baselines: plan.baselines,
      rng: createRng(plan.seed).fork('baseline', sample.id),
      variantOf: async () => undefined,
      trainingImages: async () => [],
      signal,
    }).catch(() => undefined);
    if (image) images.push(image);
    if (images.length >= count) break;
  }
  return images;
}
