import type { Plan } from '../config/plan.ts';
import { samplesOf } from '../config/samples.ts';
import { countFindings, type FindingCount } from '../core/findings.ts';

/** What the images of a run are, so that data that fell away is seen before it runs. */
export interface DataSummary {
  readonly images: number;
  readonly patients: number;
  /** Images that have a mask. */
  readonly masks: number;
  /** Images and patients by label; '' where an image has none. */
  readonly labels: Readonly<Record<string, { readonly images: number; readonly patients: number }>>;
  /** Images by finding, where the data have a column for each. */
  readonly findings?: Readonly<Record<string, FindingCount>>;
  readonly remarks: readonly string[];
}

/** Counts the images that a run of the plan would see; reads no pixels. */
export async function summariseData(plan: Pick<Plan, 'dataset' | 'limit'>): Promise<DataSummary> {
  const patients = new Set<string>();
  const labels = new Map<string, { images: number; patients: Set<string> }>();
  let [images, masks] = [0, 0];
  const found = countFindings(plan.dataset.findings ?? []);
  for await (const sample of samplesOf(plan)) {
    const { patient, label = '', hasMask } = sample;
    found.add(sample);
    images++;
    if (hasMask) masks++;
    patients.add(patient);
    const held = labels.get(label) ?? { images: 0, patients: new Set() };
    held.images++;
    held.patients.add(patient);
    labels.set(label, held);
  }
  const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    images,
    patients: patients.size,
    masks,
    labels: Object.fromEntries(sorted.map(([l, { images: n, patients: p }]) => [l, { images: n, patients: p.size }])),
    ...found.finish(),
    remarks: plan.dataset.remarks ?? [],
  };
}
