import { imageBatch } from '../core/batch.ts';
import type { FullClassifier } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import type { SampleRow } from '../results/rows.ts';
import { keyOf, type PredictJob } from './job.ts';
import type { LoadedImage } from './loaded-image.ts';
import { attempt } from './outcomes.ts';
import type { JobResult, Services } from './services.ts';
import { nameOfReference, outcomeOf, predictionOf, targetOf } from './target.ts';

/** Reads an image and asks the model for its probabilities; decides which class is explained. */
export async function predict(job: PredictJob, services: Services): Promise<JobResult> {
  const { model, target } = job;
  const { sample, index, labelled } = await services.sample(model, job.sample);
  const card = services.card(model);
  const { classes } = card;
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
      probabilities: await probabilitiesOf(classifier, image, services.signal),
    }));
  });
  if (!('image' in found)) return { row: { ...row, ...found } satisfies SampleRow };
  const { probabilities, image } = found;
  const predicted = predictionOf(card, probabilities);
  const explained = targetOf(target, classes, probabilities, labelled);
  const { unit, window } = card.intensity;
  // Colours have no window.
  const slice = image.prepared.raw.shape.length === 2 ? image.prepared.raw : undefined;
  return {
    row: {
      ...row,
      size: image.size,
      ...(image.doubt ? { doubt: image.doubt } : {}),
      ...(slice ? { intensity: { unit, window } } : {}),
      predicted: nameOfReference(card, predicted),
      probabilities,
      ...(explained === undefined ? {} : { target: classes[explained]!, targetProbability: probabilities[explained]! }),
      ...outcomeOf(card, predicted, labelled),
      status: 'ok',
    } satisfies SampleRow,
    arrays: { view: image.view, ...(slice ? { slice } : {}), ...(image.mask ? { mask: image.mask } : {}) },
  };
}

async function probabilitiesOf(model: FullClassifier, { image }: LoadedImage, signal: AbortSignal): Promise<number[]> {
  const probabilities = Array.from((await model.scores(imageBatch(image), { as: 'probability', signal })).data);
  if (!probabilities.every(Number.isFinite)) {
    throw new CtXaiError('MODEL', `the model gives probabilities ${probabilities.join(', ')} for this image.`, {
      hint: 'Check the weights and the intensity steps of its card.',
    });
  }
  return probabilities;
}
