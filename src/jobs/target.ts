import type { ModelCard } from '../core/contracts/index.ts';
import { positiveClass } from '../core/positive-class.ts';
import type { SampleRow } from '../results/rows.ts';
import type { JobTarget } from './job.ts';

/**
 * The class that is explained of an image; undefined where it is the image's label and the image has none.
 * @param label the model's class that the label maps to
 */
export function targetOf(
  target: JobTarget,
  classes: readonly string[],
  probabilities: ArrayLike<number>,
  label: number | undefined,
): number | undefined {
  if (target.kind === 'label') return label;
  return target.kind === 'class' ? classes.indexOf(target.name) : predictedOf(probabilities);
}

/** The class of the highest probability; of equal ones, the one that comes first. */
export function predictedOf(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let c = 1; c < probabilities.length; c++) if (probabilities[c]! > probabilities[best]!) best = c;
  return best;
}

/** Whether the model recognised what the label says, seen from the positive class. */
export function outcomeOf(
  card: Pick<ModelCard, 'positive' | 'classes'>,
  predicted: number,
  labelled: number | undefined,
): Pick<SampleRow, 'outcome'> {
  if (labelled === undefined) return {};
  const positive = positiveClass(card);
  const right = predicted === labelled;
  if (labelled === positive) return { outcome: right ? 'true-positive' : 'false-negative' };
  return { outcome: predicted === positive ? 'false-positive' : 'true-negative' };
}
