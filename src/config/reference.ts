import type { ModelCard, Sample } from '../core/contracts/index.ts';
import { positiveClass } from '../core/positive-class.ts';
import type { PlannedModel } from './plan.ts';

/** What the data say of an image: the index of its class, or that the model's finding is not there. */
export type Reference = number | 'absent';

/** The value that the data say of an image, where a regression has one output; undefined: none is known. */
export function referenceValueOf(card: ModelCard, { label }: Pick<Sample, 'label'>): number | undefined {
  if (card.task !== 'regression' || card.classes.length > 1 || label === undefined) return undefined;
  return Number(label);
}

/**
 * What the data say of an image as the model's classes have it; undefined: nothing. Of findings that do not exclude each
 * other only the one explained counts: a label that names another finding says nothing of it.
 */
export function referenceOf(
  { card, classOf, absences }: Pick<PlannedModel, 'card' | 'classOf' | 'absences'>,
  { label, findings }: Pick<Sample, 'label' | 'findings'>,
): Reference | undefined {
  if (card.task === 'regression') return undefined;
  if (card.task !== 'multi-label') return label === undefined ? undefined : classOf.get(label);
  const positive = positiveClass(card);
  const found = findings?.[card.classes[positive]!];
  if (found !== undefined) return found ? positive : 'absent';
  if (label === undefined) return undefined;
  if (classOf.get(label) === positive) return positive;
  return absences?.get(label) === positive ? 'absent' : undefined;
}
