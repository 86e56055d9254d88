import { positiveClass } from '../../core/positive-class.ts';
import type { Manifest, SampleRow } from '../../results/rows.ts';

type ModelEntry = Manifest['models'][number];

/** The class that counts as positive: the manifest's, or the second. */
export function positiveOf({ positive, classes }: Pick<ModelEntry, 'positive' | 'classes'>): string {
  return classes[positiveClass({ classes, ...(positive === undefined ? {} : { positive }) })] ?? '';
}

/**
 * Whether an image belongs to the primary analysis of its model: its reference is positive, and the class explained is
 * the positive one, whatever was predicted. Without references (no labels, regression): the class explained alone.
 */
export function isPrimary(
  { dataset, models }: Pick<Manifest, 'dataset' | 'models'>,
  row: Pick<SampleRow, 'model' | 'label' | 'target'>,
): boolean {
  const model = models.find(m => m.id === row.model);
  if (!model) return false;
  const positive = positiveOf(model);
  if (row.target !== positive) return false;
  return row.label === positive || !hasReference(dataset, model);
}

/** Whether images have a reference that tells positive from negative. */
export function hasReference({ labels }: Manifest['dataset'], { task }: Pick<ModelEntry, 'task'>): boolean {
  return labels.length > 0 && task !== 'regression';
}
