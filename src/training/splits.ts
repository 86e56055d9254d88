import { CtXaiError } from '../core/errors.ts';
import { createRng } from '../core/rng.ts';

export const SPLITS = ['train', 'val', 'test'] as const;
export type Split = (typeof SPLITS)[number];

export interface Member {
  readonly patient: string;
  readonly label: string;
  /** As the data has it. */
  readonly split?: string | undefined;
}

/** Shares of the patients, where splits are drawn. */
const SHARES: Readonly<Record<Split, number>> = { train: 0.7, val: 0.15, test: 0.15 };
const OTHER_NAMES: Readonly<Record<string, Split>> = { validation: 'val', valid: 'val', dev: 'val', training: 'train' };

/**
 * The split of each image: the data's own where it has them, else drawn by patient, stratified by the patient's first
 * label. Splits that the data lacks are drawn from its training patients. What is `elsewhere` is not needed.
 * @throws CtXaiError DATA where only some images have a split, or it is none of train, val, test.
 */
export function splitsOf(
  members: readonly Member[],
  { seed, elsewhere = [] }: { readonly seed: string | number; readonly elsewhere?: readonly Split[] },
): Split[] {
  const given = members.map(({ split }, i) => {
    if (split === undefined) return undefined;
    const known = SPLITS.find(s => s === split) ?? OTHER_NAMES[split];
    if (!known) {
      throw new CtXaiError('DATA', `image ${i + 1} has the split '${split}'; it must be train, val or test.`);
    }
    return known;
  });
  const without = given.filter(s => s === undefined).length;
  if (without > 0 && without < given.length) {
    throw new CtXaiError('DATA', `${without} of ${given.length} images have no split.`, {
      hint: 'Fill the split column of the index, or remove it to have splits drawn by patient.',
    });
  }
  const out = given.map(s => s ?? ('train' as Split));
  const missing = SPLITS.filter(s => s !== 'train' && !elsewhere.includes(s) && !out.includes(s));
  const labels = new Map<string, string>();
  members.forEach(({ patient, label }, i) => {
    if (out[i] === 'train' && !labels.has(patient)) labels.set(patient, label);
  });
  const moved = new Map<string, Split>();
  for (const label of [...new Set(labels.values())].sort()) {
    const patients = [...labels].filter(([, l]) => l === label).map(([patient]) => patient);
    createRng(seed).fork('splits', label).shuffle(patients.sort());
    let from = 0;
    for (const split of missing) {
      const n = Math.max(1, Math.round(SHARES[split] * patients.length));
      for (const patient of patients.slice(from, from + n)) moved.set(patient, split);
      from += n;
    }
  }
  return out.map((split, i) => (split === 'train' ? (moved.get(members[i]!.patient) ?? split) : split));
}

/** Patients that stand in more than one split, with those. */
export function crossings(
  sets: Readonly<Record<Split, { readonly patients: readonly string[] }>>,
): Map<string, Split[]> {
  const all = new Map<string, Split[]>();
  for (const split of SPLITS) {
    for (const patient of new Set(sets[split].patients)) all.set(patient, [...(all.get(patient) ?? []), split]);
  }
  return new Map([...all].filter(([, splits]) => splits.length > 1));
}
