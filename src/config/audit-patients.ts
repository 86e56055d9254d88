import { jsonDigest } from '../core/digest.ts';
import type { Plan } from './plan.ts';
import { isPositive, samplesOf } from './samples.ts';

/**
 * The patients that metrics are audited by, and explainers are not ranked by: of those that are explained and, where the
 * data has labels, whose label is the positive class of a model, a share in an order that their names and the seed
 * decide. Images and their results are the same for both.
 */
export async function auditPatients(
  plan: Pick<Plan, 'analysis' | 'dataset' | 'limit' | 'explained' | 'models' | 'seed'>,
): Promise<readonly string[]> {
  const { analysis, dataset, models, seed } = plan;
  if (analysis.audit === undefined) return [];
  const patients = new Set<string>();
  for await (const sample of samplesOf(plan)) {
    const counts = models.some(model => isPositive(dataset, model, sample));
    if (counts) patients.add(sample.patient);
  }
  const ordered = [...patients].map(patient => ({ patient, key: jsonDigest(['audit', seed, patient]) }));
  ordered.sort((a, b) => (a.key < b.key ? -1 : 1));
  return ordered
    .slice(0, Math.round(analysis.audit * ordered.length))
    .map(p => p.patient)
    .sort();
}
