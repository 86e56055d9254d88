import type { Reference } from '../config/reference.ts';
import type { ModelCard } from '../core/contracts/index.ts';
import { absenceOf, thresholdOf } from '../core/findings.ts';
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
  label: Reference | undefined,
): number | undefined {
  if (target.kind === 'label') return label === 'absent' ? undefined : label;
  return target.kind === 'class' ? classes.indexOf(target.name) : predictedOf(probabilities);
}

/** The class of the highest probability; of equal ones, the one that comes first. */
export function predictedOf(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let c = 1; c < probabilities.length; c++) if (probabilities[c]! > probabilities[best]!) best = c;
  return best;
}

/** What the model predicts: its most probable class; of a finding by itself, whether it is there. */
export function predictionOf(card: ModelCard, probabilities: ArrayLike<number>): Reference {
  if (card.task !== 'multi-label') return predictedOf(probabilities);
  const positive = positiveClass(card);
  return probabilities[positive]! >= thresholdOf(card, card.classes[positive]!) ? positive : 'absent';
}

/** How rows call a class, or the absence of the finding that is explained. */
export function nameOfReference(card: ModelCard, reference: Reference): string {
  return reference === 'absent' ? absenceOf(card.classes[positiveClass(card)]!) : card.classes[reference]!;
}

/** Whether the model recognised what the label says, seen from the positive class. */
export function outcomeOf(
  card: Pick<ModelCard, 'positive' | 'classes'>,
  predicted: Reference,
  labelled: Reference | undefined,
): Pick<SampleRow, 'outcome'> {
  if (labelled === undefined) return {};
  const positive = positiveClass(card);
  const right = predicted === labelled;
  if (labelled === positive) return { outcome: right ? 'true-positive' : 'false-negative' };
  return { outcome: predicted === positive ? 'false-positive' : 'true-negative' };
}
