import {
  type AttributionKind,
  type Claim,
  type Film,
  type FullClassifier,
  isUndefined,
  type Metric,
  type MetricContext,
  type ModelVariant,
  type Score,
  type ScoreKind,
  type VariantMap,
} from '../core/contracts/index.ts';
import { positiveClass } from '../core/positive-class.ts';
import { lookUp } from '../core/registry.ts';
import { createRng } from '../core/rng.ts';
import { takesMap } from '../core/takes-map.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { ItemRow, MapRow, ScoreRow } from '../results/rows.ts';
import { variantsOf } from './explain-job.ts';
import { callExplainer, explainerOf, imageContext, protect } from './explaining.ts';
import { keyOf, type PartRef, type ScoreJob } from './job.ts';
import { inPlaceOf, type LoadedImage } from './loaded-image.ts';
import { noVariant } from './no-variant.ts';
import {
  attempt,
  comparable,
  costOf,
  failureWithin,
  type ScoreOutcome,
  scoreOutcome,
  wrongDimensions,
  wrongKind,
} from './outcomes.ts';
import { type Counter, createCounter } from './pass-counter.ts';
import type { JobResult, Services } from './services.ts';

/** One metric of one map. */
export async function score(job: ScoreJob, services: Services): Promise<JobResult> {
  const film = (await services.keepsFilm?.(job)) ?? false;
  let frames: Tensor | undefined;
  const evaluated = await onMap(job, services, async (metric, context, counter, image) => {
    const found = await metric.evaluate(film ? { ...context, film } : context);
    const outcome = scoreOutcome(found, metric, counter);
    const kept = outcome.status === 'ok' && film ? (found as Score).film : undefined;
    frames = kept && filmOf(kept, [context.baseline, ...(kept.frames ?? [])].map(image.viewOf));
    const apart = kept && kept.curve !== (found as Score).curve;
    return kept && frames
      ? { ...outcome, film: { from: kept.from, ...(apart ? { curve: kept.curve } : {}) } }
      : outcome;
  });
  const row = { kind: 'score', ...evaluated } satisfies ScoreRow;
  return { row, ...(frames ? { arrays: { film: frames } } : {}) };
}

/** Frames that one byte can count. */
const MOST_FRAMES = 255;

/** [1 + views, h, w] for the store; undefined for films of more frames than it holds. */
function filmOf({ steps }: Film, views: readonly Tensor[]): Tensor | undefined {
  if (steps.data.some(frame => frame > MOST_FRAMES)) return undefined;
  const planes = tensor([1 + views.length, ...steps.shape]);
  for (const [i, plane] of [steps, ...views].entries()) planes.data.set(plane.data, i * steps.data.length);
  return planes;
}

/** What a group metric reads of one map. */
export async function collectOf(job: ScoreJob, services: Services): Promise<JobResult> {
  const collected = await onMap<Omit<ItemRow, 'kind' | 'job' | 'model' | 'sample' | 'method' | 'metric'>>(
    job,
    services,
    async (metric, context, counter) => {
      const item = await metric.collect!(context);
      const cost = costOf(counter);
      if (typeof item === 'object' && item !== null && isUndefined(item)) {
        return { status: 'undefined', reason: String(item.undefined), ...cost };
      }
      return { status: 'ok', item, ...cost };
    },
  );
  return { row: { kind: 'item', ...collected } satisfies ItemRow };
}

type Names = Pick<
  ScoreRow,
  | 'job'
  | 'model'
  | 'sample'
  | 'method'
  | 'metric'
  | 'target'
  | 'baseline'
  | 'modelVariant'
  | 'sampleVariant'
  | 'replicate'
>;

/** Brings together what a metric is handed, and calls it. */
async function onMap<O extends { readonly status: ScoreRow['status'] }>(
  job: ScoreJob,
  services: Services,
  work: (metric: Metric, context: MetricContext<unknown>, counter: Counter, image: LoadedImage) => Promise<O>,
): Promise<Names & (O | ScoreOutcome)> {
  const metric = lookUp(services.registry.metrics, 'metric', job.metric.use, job.metric.id);
  const need = job.needs.find(n => n.role === 'map');
  const made = need && (await services.result(need, job.model));
  const mapRow = made?.row.kind === 'map' ? made.row : undefined;
  const names: Names = {
    job: keyOf(job),
    model: job.model.id,
    sample: job.sample.id,
    method: job.explainer.id,
    metric: job.metric.id,
    ...(mapRow?.target === undefined ? {} : { target: mapRow.target }),
    ...(job.metric.baseline === undefined ? {} : { baseline: job.metric.baseline }),
    ...variantsOf(job),
  };
  const map = made?.arrays?.map;
  if (mapRow?.status !== 'ok' || !map) return { ...names, ...withoutMap(mapRow) };
  const found = await attempt(services, async () => {
    const image = await services.image(job.model, job.sample);
    const hindrance = hindranceOf(metric, job, services, image, mapRow);
    if (hindrance) return hindrance;
    const variantMaps = await variantMapsOf(metric, job, services);
    return services.onModel(job.model, async classifier => {
      const counter = createCounter();
      const explaining = createCounter();
      try {
        const regions = made?.arrays?.regions;
        const parts = { metric, map, regions, image, classifier, counter, explaining, mapRow, variantMaps };
        const outcome = await work(metric, await contextOf(parts, job, services), counter, image);
        const spent = explaining.read();
        return spent.forward + spent.backward > 0 ? { ...outcome, explaining: spent } : outcome;
      } catch (error) {
        return failureWithin(error, services.signal);
      }
    });
  });
  return { ...names, ...found };
}

function withoutMap(row: MapRow | undefined): Pick<ScoreRow, 'status' | 'reason'> {
  if (!row) return { status: 'failed', reason: 'the map that it scores is missing' };
  if (row.status === 'ok') return { status: 'failed', reason: 'the file of the map that it scores is gone' };
  return { status: row.status, ...(row.reason === undefined ? {} : { reason: row.reason }) };
}

/** Why the metric has no value for this map, as a status with its reason. */
function hindranceOf(
  metric: Metric,
  job: ScoreJob,
  services: Services,
  image: LoadedImage,
  mapRow: MapRow,
): Pick<ScoreRow, 'status' | 'reason'> | undefined {
  const { task } = services.card(job.model);
  const kind = kindOfPart(job.explainer, services);
  const skipped =
    (task === 'regression' ? withoutClasses(metric, job.metric.options) : undefined) ??
    (metric.needs.includes('mask') && !image.mask ? 'the image has no mask' : undefined) ??
    wrongDimensions(metric, image.view.shape.length) ??
    (takesMap(metric, kind, explainerOf(services, job.explainer), job.explainer.of !== undefined)
      ? undefined
      : wrongKind(metric, kind));
  if (skipped !== undefined) return { status: 'skipped', reason: skipped };
  const card = services.card(job.model);
  if (!metric.meansForNegatives && card.classes.indexOf(mapRow.target ?? '') !== positiveClass(card)) {
    return { status: 'undefined', reason: `'${metric.name}' has no meaning for the class '${mapRow.target}'` };
  }
  return undefined;
}

function withoutClasses(metric: Metric, options: unknown): string | undefined {
  const reason = metric.needsClasses(options);
  return reason === undefined ? undefined : `it has no meaning for a regression: ${reason}`;
}

/** The score that an explainer's options name, and its baseline where that is one image. */
async function claimOf({ options, baseline: name }: PartRef, image: LoadedImage): Promise<Claim> {
  const score = (options as { readonly score?: ScoreKind } | null)?.score;
  const baseline = name === undefined ? undefined : await image.baseline(name);
  return {
    ...(score === undefined ? {} : { score }),
    ...(baseline && !baseline.fill ? { baseline: baseline.image } : {}),
  };
}

/** What a map's values are; a map of another patient is of the kind that its explainer makes. */
export function kindOfPart(part: PartRef, services: Services): AttributionKind {
  const explainer = explainerOf(services, part);
  const borrows = explainer.needsOf(part.options).includes('donor');
  return borrows && part.of ? kindOfPart(part.of, services) : explainer.kindOf(part.options);
}

async function variantMapsOf(metric: Metric, job: ScoreJob, services: Services): Promise<readonly VariantMap[]> {
  const needs = job.needs.filter(n => n.role === 'variant');
  const variants = metric.variantsOf(job.metric.options);
  return Promise.all(
    variants.map(async (variant, i) => {
      const found = needs[i] && (await services.result(needs[i], job.model));
      const map = found?.row.status === 'ok' ? found.arrays?.map : undefined;
      const predicted = found?.row.kind === 'map' ? found.row.predicted : undefined;
      const known = predicted === undefined ? {} : { predicted: services.card(job.model).classes.indexOf(predicted) };
      if (map) return { variant, map, ...known };
      return { variant, reason: found?.row.reason ?? 'there is no map under these weights' };
    }),
  );
}

interface Parts {
  readonly metric: Metric;
  readonly map: Tensor;
  readonly regions: Tensor | undefined;
  readonly image: LoadedImage;
  readonly classifier: FullClassifier;
  readonly counter: Counter;
  /** Counts what is spent on explaining again, apart from what is spent on scoring. */
  readonly explaining: Counter;
  readonly mapRow: MapRow;
  readonly variantMaps: readonly VariantMap[];
}

async function contextOf(parts: Parts, job: ScoreJob, services: Services): Promise<MetricContext<unknown>> {
  const { metric, map, regions, image, classifier, counter, explaining, mapRow, variantMaps } = parts;
  const owned = protect(services, metric);
  const baseline = await image.baseline(job.metric.baseline);
  const target = { class: services.card(job.model).classes.indexOf(mapRow.target!) };
  const mapMemo = services.shared('map', job);
  const { sample } = await services.sample(job.model, job.sample);
  const effects = metric.needs.includes('effects') ? await services.effects?.(job, target) : undefined;
  const { other } = job;
  const otherEffects =
    metric.needs.includes('other-effects') && other ? await services.effects?.(job, target, other) : undefined;
  const onVariant = async <T>(variant: ModelVariant, work: (on: FullClassifier) => Promise<T>) => {
    const ref = { ...job.model, variant };
    const missing = await services.onModel(ref, async () => undefined).catch(noVariant);
    return missing ?? services.onModel(ref, work);
  };
  const ties = job.tieSeed === undefined || job.tieSeed === 0 ? [] : ['ties', job.tieSeed];
  return {
    ...imageContext(image, baseline, services.signal, owned),
    model: classifier.metered(counter),
    target,
    attribution: owned(map),
    kind: kindOfPart(job.explainer, services),
    claim: await claimOf(job.explainer, image),
    ...(regions ? { regions: Int32Array.from(regions.data) } : {}),
    ...(image.mask ? { mask: owned(image.mask) } : {}),
    options: job.metric.options,
    // Without the explainer's name: ties fall alike for all explainers on this image.
    rng: createRng(job.seed).fork('metric', job.model.id, job.sample.id, ...ties),
    memo: services.shared('image', job).memoFor(counter),
    mapMemo: mapMemo.memoFor(counter),
    explain(request) {
      const { key, class: asked = target.class, replicate, variant, shift } = request;
      const seen = shift === undefined ? inPlaceOf(image, request.image) : image.shifted(shift);
      const what = { job, part: job.explainer, image: seen, target: asked, counter: explaining };
      const { id } = job.explainer;
      const again = async (on: FullClassifier) =>
        comparable(await callExplainer({ ...what, classifier: on }, services, request), id, map.shape);
      return mapMemo.memoFor(explaining)(
        `explain ${JSON.stringify([key, asked, replicate ?? null, variant ?? null, shift ?? null])}`,
        () => (variant ? onVariant(variant, again) : again(classifier)),
      );
    },
    onVariant: (variant, work) => onVariant(variant, on => work(on.metered(counter))),
    variantMaps,
    sampleVariants: sample.variants ?? [],
    async sampleVariant(name) {
      if (!sample.variants?.includes(name)) return undefined;
      const other = await services.image(job.model, { ...job.sample, variant: name });
      return { image: owned(other.image), view: owned(other.view) };
    },
    ...(effects ? { effects } : {}),
    ...(otherEffects ? { otherEffects } : {}),
    trainingImages: async count => (await services.trainingImages(job.model, count)).map(other => owned(other.image)),
  };
}
