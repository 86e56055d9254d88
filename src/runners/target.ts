import type { PlannedModel, PlannedTarget } from '../config/plan.ts';

/**
 * The class that is explained of an image; undefined where it is the image's label and the image has none.
 * @param label the model's class that the label maps to
 */
export function targetOf(
  target: PlannedTarget,
  model: Pick<PlannedModel, 'targetClass'>,
  probabilities: ArrayLike<number>,
  label: number | undefined,
): number | undefined {
  if (target.kind === 'label') return label;
  return target.kind === 'class' ? model.targetClass : predictedOf(probabilities);
}

/** The class of the highest probability; the first of equals. */
export function predictedOf(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let c = 1; c < probabilities.length; c++) if (probabilities[c]! > probabilities[best]!) best = c;
  return best;
}
