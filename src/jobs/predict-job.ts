import { type Reference, referenceValueOf } from '../config/reference.ts';
import { imageBatch } from '../core/batch.ts';
import type { FullClassifier, ModelCard, Sample } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { positiveClass } from '../core/positive-class.ts';
import type { SampleRow } from '../results/rows.ts';
import { keyOf, type PredictJob } from './job.ts';
import type { LoadedImage } from './loaded-image.ts';
import { attempt } from './outcomes.ts';
import type { JobResult, Services } from './services.ts';
import { nameOfReference, outcomeOf, predictionOf, targetOf } from './target.ts';

/** Reads an image and asks the model for its probabilities, or values; decides which of them is explained. */
export async function predict(job: PredictJob, services: Services): Promise<JobResult> {
  const { model, target } = job;
  const { sample, index, labelled } = await services.sample(model, job.sample);
  const card = services.card(model);
  // Other models' data may have findings that this one does not know.
  const findings = card.task === 'multi-label' ? sample.findings : undefined;
  const row = {
    kind: 'sample' as const,
    job: keyOf(job),
    model: model.id,
    sample: sample.id,
    index,
    source: sample.source,
    patient: sample.patient,
    ...(labelled === undefined ? {} : { label: nameOfReference(card, labelled) }),
    hasMask: sample.hasMask,
    ...(sample.groups && Object.keys(sample.groups).length > 0 ? { groups: sample.groups } : {}),
    ...(findings ? { findings } : {}),
    ...(sample.exam === undefined ? {} : { exam: sample.exam }),
  };
  const found = await attempt(services, async () => {
    const image = await services.image(model, job.sample);
    return services.onModel(model, async classifier => ({
      image,
      scores: await scoresOf(classifier, image, services.signal),
    }));
  });
  if (!('image' in found)) return { row: { ...row, ...found } satisfies SampleRow };
  const { scores, image } = found;
  const said =
    card.task === 'regression' ? ofValues(card, scores, sample) : ofClasses(card, scores, { target, labelled });
  const { unit, window } = card.intensity;
  // Colours have no window.
  const slice = image.prepared.raw.shape.length === 2 ? image.prepared.raw : undefined;
  return {
    row: {
      ...row,
      size: image.size,
      ...(image.doubt ? { doubt: image.doubt } : {}),
      ...(slice ? { intensity: { unit, window } } : {}),
      ...said,
      status: 'ok',
    } satisfies SampleRow,
    arrays: { view: image.view, ...(slice ? { slice } : {}), ...(image.mask ? { mask: image.mask } : {}) },
  };
}

/** What is predicted by probabilities, and which class is explained. */
function ofClasses(
  card: ModelCard,
  probabilities: readonly number[],
  { target, labelled }: Pick<PredictJob, 'target'> & { readonly labelled: Reference | undefined },
): Partial<SampleRow> {
  const { classes } = card;
  const predicted = predictionOf(card, probabilities);
  const explained = targetOf(target, classes, probabilities, labelled);
  return {
    predicted: nameOfReference(card, predicted),
    probabilities,
    ...(explained === undefined ? {} : { target: classes[explained]!, targetProbability: probabilities[explained]! }),
    ...outcomeOf(card, predicted, labelled),
  };
}

/** The values of a regression, the one that is explained, and what the data say of it. */
function ofValues(card: ModelCard, values: readonly number[], sample: Sample): Partial<SampleRow> {
  const explained = positiveClass(card);
  const reference = referenceValueOf(card, sample);
  return {
    values,
    target: card.classes[explained]!,
    targetValue: values[explained]!,
    ...(reference === undefined ? {} : { referenceValue: reference }),
  };
}

/** Probabilities of all classes, or values of a regression. */
async function scoresOf(model: FullClassifier, { image }: LoadedImage, signal: AbortSignal): Promise<number[]> {
  const scores = Array.from((await model.scores(imageBatch(image), { as: 'probability', signal })).data);
  if (!scores.every(Number.isFinite)) {
    const what = model.regression ? 'values' : 'probabilities';
    throw new CtXaiError('MODEL', `the model gives ${what} ${scores.join(', ')} for this image.`, {
      hint: 'Check the weights and the intensity steps of its card.',
    });
  }
  return scores;
}
