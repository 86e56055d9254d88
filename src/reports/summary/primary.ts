import { positiveClass } from '../../core/positive-class.ts';
import type { Manifest, SampleRow } from '../../results/rows.ts';

type ModelEntry = Manifest['models'][number];

/** The class that counts as positive: the manifest's, or the second. */
export function positiveOf({ positive, classes }: Pick<ModelEntry, 'positive' | 'classes'>): string {
  return classes[positiveClass({ classes, ...(positive === undefined ? {} : { positive }) })] ?? '';
}

/** Whether metrics are audited by this patient, so that nothing is ranked by it. */
export function isAudit(
  { auditPatients = [] }: Pick<Manifest, 'auditPatients'>,
  { patient }: { readonly patient: string },
): boolean {
  return auditPatients.includes(patient);
}

/** The images of the primary analysis and those that metrics are audited by: see `isPrimary`. */
export function isPositive(
  { dataset, models }: Pick<Manifest, 'dataset' | 'models'>,
  row: Pick<SampleRow, 'model' | 'label' | 'target'>,
): boolean {
  const model = models.find(m => m.id === row.model);
  if (!model) return false;
  const positive = positiveOf(model);
  if (row.target !== positive) return false;
  return row.label === positive || !hasReference(dataset, model);
}

/**
 * Whether an image belongs to the primary analysis of its model: its reference is positive, and the class explained is
 * the positive one, whatever was predicted; without references (no labels, regression) the class explained alone. What
 * metrics are audited by does not belong to it.
 */
export function isPrimary(
  manifest: Pick<Manifest, 'dataset' | 'models' | 'auditPatients'>,
  row: Pick<SampleRow, 'model' | 'label' | 'target' | 'patient'>,
): boolean {
  return isPositive(manifest, row) && !isAudit(manifest, row);
}

/** Whether an image that was predicted is to be explained too: where the suite explains positives, no other is. */
export function isExplained(
  { dataset, models }: Pick<Manifest, 'dataset' | 'models'>,
  row: Pick<SampleRow, 'model' | 'label'>,
): boolean {
  if (dataset.explained === undefined) return true;
  const model = models.find(m => m.id === row.model);
  return model !== undefined && row.label === positiveOf(model);
}

/** Whether images have a reference that tells positive from negative. */
export function hasReference(
  { labels, findings = [] }: Manifest['dataset'],
  { task }: Pick<ModelEntry, 'task'>,
): boolean {
  return labels.length + findings.length > 0 && task !== 'regression';
}
