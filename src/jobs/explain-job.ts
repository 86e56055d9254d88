import { imageBatch } from '../core/batch.ts';
import type { FullClassifier } from '../core/contracts/index.ts';
import { absenceOf } from '../core/findings.ts';
import { gaussianBlur } from '../core/image/blur.ts';
import { predicts } from '../core/predicts.ts';
import { mapDefect, type Tensor } from '../core/tensor.ts';
import type { MapRow, SampleRow } from '../results/rows.ts';
import { callExplainer, explainerOf } from './explaining.ts';
import { type ExplainJob, keyOf, variantName } from './job.ts';
import { mayBeMissing, noVariant } from './no-variant.ts';
import {
  attempt,
  attributionOutcome,
  failureWithin,
  type MapOutcome,
  type MapResult,
  obstacle,
  wrongDimensions,
} from './outcomes.ts';
import { createCounter } from './pass-counter.ts';
import type { JobResult, Services } from './services.ts';
import { predictedOf } from './target.ts';

/** One explanation of the class that the prediction decided. */
export async function explain(job: ExplainJob, services: Services): Promise<JobResult> {
  const prediction = await predictionOf(job, services);
  const names = {
    kind: 'map' as const,
    job: keyOf(job),
    model: job.model.id,
    sample: job.sample.id,
    method: job.explainer.id,
    ...(prediction?.target === undefined ? {} : { target: prediction.target }),
    ...(job.explainer.baseline === undefined ? {} : { baseline: job.explainer.baseline }),
    ...variantsOf(job),
  };
  const hindrance = hindranceOf(prediction);
  if (hindrance) return { row: { ...names, ...hindrance } satisfies MapRow };
  const made = await explainOn(job, prediction!, services);
  const { outcome, arrays } = 'outcome' in made ? made : { outcome: made, arrays: undefined };
  return { row: { ...names, ...outcome } satisfies MapRow, ...(arrays ? { arrays } : {}) };
}

/** The columns that tell rows of variants and replicates from those of the plain unit. */
export function variantsOf(
  job: Pick<ExplainJob, 'model' | 'sample' | 'replicate'>,
): Pick<MapRow, 'modelVariant' | 'sampleVariant' | 'replicate'> {
  const { variant } = job.model;
  return {
    ...(variant.kind === 'original' ? {} : { modelVariant: variantName(variant) }),
    ...(job.sample.variant === undefined ? {} : { sampleVariant: job.sample.variant }),
    ...(job.replicate === undefined || job.replicate === 0 ? {} : { replicate: job.replicate }),
  };
}

/** The sample's own row, which decides the class explained. */
export async function predictionOf(
  { needs, model }: Pick<ExplainJob, 'needs' | 'model'>,
  services: Services,
): Promise<SampleRow | undefined> {
  const need = needs.find(n => n.role === 'prediction');
  const found = need && (await services.result(need, model));
  return found?.row.kind === 'sample' ? found.row : undefined;
}

/** Why nothing of an image can be explained or scored, as its rows say it. */
function hindranceOf(prediction: SampleRow | undefined): Pick<MapRow, 'status' | 'reason'> | undefined {
  if (!prediction) return { status: 'failed', reason: 'the prediction that decides the class explained is missing' };
  if (prediction.status !== 'ok') {
    return { status: prediction.status, reason: prediction.reason ?? 'the image failed' };
  }
  if (prediction.target !== undefined) return undefined;
  return { status: 'skipped', reason: 'the image has no label, and the class explained is its label' };
}

async function explainOn(job: ExplainJob, prediction: SampleRow, services: Services): Promise<MapResult | MapOutcome> {
  const donor = await donorOf(job, services);
  if (donor && 'undefined' in donor) return { status: 'undefined', reason: donor.undefined };
  const target = services.card(job.model).classes.indexOf(prediction.target!);
  const made = await attempt(services, async () => {
    const image = await services.image(job.model, job.sample);
    return services
      .onModel(job.model, classifier => once(job, services, { classifier, image, target, donor }))
      .catch((error): MapResult => {
        if (!mayBeMissing(job.model.variant)) throw error;
        return { outcome: { status: 'undefined', reason: noVariant(error).undefined } };
      });
  });
  if (!('outcome' in made) || !donor) return made;
  const notes = { ...made.outcome.notes, donor: donor.sample };
  return { ...made, outcome: { ...made.outcome, notes } };
}

/** Under weights of another training it matters what is predicted. */
const OTHER_WEIGHTS: ReadonlySet<string> = new Set(['file', 'trained']);

async function once(
  job: ExplainJob,
  services: Services,
  at: {
    readonly classifier: FullClassifier;
    readonly image: Awaited<ReturnType<Services['image']>>;
    readonly target: number;
    readonly donor: { readonly map: Tensor } | undefined;
  },
): Promise<MapResult> {
  const { classifier, donor } = at;
  const { spatial } = classifier.input;
  const explainer = explainerOf(services, job.explainer);
  const missing = obstacle(requirementsOf(job, services), classifier) ?? wrongDimensions(explainer, spatial.length);
  if (missing !== undefined) return { outcome: { status: 'skipped', reason: missing } };
  const counter = createCounter();
  try {
    const found = await callExplainer(
      { job, part: job.explainer, classifier, image: at.image, target: at.target, counter, donor: donor?.map },
      services,
    );
    const made = transformed(job, attributionOutcome(found, explainer.name, spatial, counter));
    if (!OTHER_WEIGHTS.has(job.model.variant.kind)) return made;
    const { data } = await classifier.scores(imageBatch(at.image.image), { as: 'margin', signal: services.signal });
    const { classes, independent } = classifier;
    const explained = classes[at.target]!;
    const other = independent ? absenceOf(explained) : classes[predictedOf(data)]!;
    return {
      ...made,
      outcome: { ...made.outcome, predicted: predicts(classifier, data, at.target) ? explained : other },
    };
  } catch (error) {
    return { outcome: failureWithin(error, services.signal) };
  }
}

/** What the explainer and the one that it wraps ask of the model. */
function requirementsOf({ explainer: part }: ExplainJob, services: Services) {
  const explainer = explainerOf(services, part);
  const own = explainer.requiresOf(part.options);
  if (!part.of || explainer.wraps === undefined) return own;
  return [...new Set([...own, ...explainerOf(services, part.of).requiresOf(part.of.options)])];
}

function transformed({ transform }: ExplainJob, made: MapResult): MapResult {
  if (!transform || !made.arrays?.map || made.outcome.status !== 'ok') return made;
  const map = gaussianBlur(made.arrays.map, transform.sigma);
  const defect = mapDefect(map);
  const { outcome } = made;
  return { outcome: defect === null ? outcome : { ...outcome, status: 'undefined', reason: defect }, arrays: { map } };
}

/** The map that is borrowed; undefined where the explainer borrows none. */
async function donorOf(
  job: ExplainJob,
  services: Services,
): Promise<{ readonly sample: string; readonly map: Tensor } | { readonly undefined: string } | undefined> {
  if (!explainerOf(services, job.explainer).needsOf(job.explainer.options).includes('donor')) return undefined;
  if (job.unmet !== undefined) return { undefined: job.unmet };
  const need = job.needs.find(n => n.role === 'donor');
  const map = need && (await services.result(need, job.model))?.arrays?.map;
  if (!need || !map) return { undefined: `the map of ${job.explainer.of?.id} of ${need?.sample} is gone` };
  return { sample: need.sample, map };
}
