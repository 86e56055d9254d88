import { type Batch, type MetricContext, type Undefined, undefinedBecause } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { leadByProbability } from '../../../core/predicts.ts';

/** The class explained in one image. */
export interface ClassScore {
  readonly probability: number;
  /** Whether the class explained is predicted. */
  readonly first: boolean;
  /** By how much log-odds it is ahead of what would be predicted in its place; negative where it is behind. */
  readonly lead: number;
}

/**
 * Probability and place of the class explained in each image of a batch, shared by all that name the batch alike.
 * @throws CtXaiError MODEL if the model gives NaN
 */
export async function allScores(
  context: MetricContext<unknown>,
  key: string,
  batch: Batch,
): Promise<ClassScore[] | Undefined> {
  const { model, target, signal } = context;
  const data = await context.memo(`probabilities/${key}`, async () => [
    ...(await model.scores(batch, { as: 'probability', signal })).data,
  ]);
  if (data.some(Number.isNaN)) {
    throw new CtXaiError('MODEL', "the model's probabilities are not numbers.", {
      hint: 'Check the weights and the intensity steps of its card.',
    });
  }
  const classes = model.classes.length;
  if (!data.every(Number.isFinite)) return undefinedBecause('the model’s probability is infinite');
  return Array.from({ length: data.length / classes }, (_, i) => {
    const row = data.slice(i * classes, (i + 1) * classes);
    const lead = leadByProbability(model, row, target.class);
    return { probability: row[target.class]!, first: lead >= 0, lead };
  });
}
