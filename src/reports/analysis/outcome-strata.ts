import type { Manifest, SampleRow } from '../../results/rows.ts';
import { hasReference, isAudit, isPositive, isPrimary, positiveOf } from '../summary/primary.ts';
import type { ImageTruth } from '../summary/truths.ts';
import type { Answered, ModelEntry, Stratum } from './analysis.ts';

/** Above this share of interaction no map that adds up can be right: such images are a stratum. */
export const MOST_INTERACTION = 0.25;

/** The images of the primary analysis, and those that are looked at apart from them. Classes are never pooled. */
export interface Strata {
  readonly primary: Stratum;
  /** Like the primary images, of the patients that metrics are audited by; empty: there are none. */
  readonly audit: Stratum;
  /** Without the empty ones, and without one that is the primary stratum itself. */
  readonly others: readonly Stratum[];
}

/**
 * Primary: all images whose reference is positive, explained for the positive class, whatever was predicted. Apart from
 * them: true positives, false negatives and negatives, each by the class that was explained; and subgroups of the
 * primary stratum by columns of the data, and by whether the effects of its factors add up.
 * @param columns 'outcome', and columns of the data
 * @param truths what is known by intervention, by sample id
 */
export function strataOf(
  manifest: Pick<Manifest, 'dataset' | 'models' | 'auditPatients'>,
  model: ModelEntry,
  answered: Answered,
  columns: readonly string[] = ['outcome'],
  truths: ReadonlyMap<string, ImageTruth> = new Map(),
): Strata {
  const all = [...answered.values()];
  const rows = all.filter(row => !isAudit(manifest, row));
  const positive = positiveOf(model);
  const primaryRows = rows.filter(row => isPrimary(manifest, row));
  const reference = hasReference(manifest.dataset, model);
  const selected = reference && rows.some(row => row.label === positive && row.target !== positive);
  const unlabelled = model.task === 'regression' ? `a value for ${positive}` : `explained ${positive}, no reference`;
  const named = reference ? `label ${positive}` : unlabelled;
  const primary = stratumOf(selected ? `${named}, recognised` : named, primaryRows);
  const others: Stratum[] = [];
  const add = (name: string, found: readonly SampleRow[]): void => {
    if (found.length === 0) return;
    const made = stratumOf(name, found);
    const same = made.samples.size === primary.samples.size && found.every(row => primary.samples.has(row.sample));
    if (!same) others.push(made);
  };
  if (columns.includes('outcome')) {
    for (const [name, holds] of outcomesOf(positive, reference)) byTarget(name, rows.filter(holds), positive, add);
  }
  for (const column of columns) {
    const values = new Set(primaryRows.flatMap(row => row.groups?.[column] ?? []));
    for (const value of [...values].sort()) {
      add(
        `${column} ${value}`,
        primaryRows.filter(row => row.groups?.[column] === value),
      );
    }
  }
  const known = primaryRows.filter(row => truths.has(row.sample));
  const interacts = (row: SampleRow) => truths.get(row.sample)!.interaction > MOST_INTERACTION;
  add(
    `effects add up (interaction up to ${MOST_INTERACTION})`,
    known.filter(row => !interacts(row)),
  );
  add(`effects interact (over ${MOST_INTERACTION})`, known.filter(interacts));
  const audit = stratumOf(
    'audit',
    all.filter(row => isAudit(manifest, row) && isPositive(manifest, row)),
  );
  return { primary, audit, others };
}

type Outcome = readonly [name: string, holds: (row: SampleRow) => boolean];

function outcomesOf(positive: string, reference: boolean): readonly Outcome[] {
  if (!reference) return [[`predicted other than ${positive}`, row => row.predicted !== positive]];
  return [
    ['true positives', row => row.label === positive && row.predicted === positive],
    ['false negatives', row => row.label === positive && row.predicted !== positive],
    ['negatives', row => row.label !== undefined && row.label !== positive],
  ];
}

/** Images that explain several classes are several strata: a class names itself unless it is the positive one. */
function byTarget(
  name: string,
  rows: readonly SampleRow[],
  positive: string,
  add: (name: string, rows: readonly SampleRow[]) => void,
): void {
  const targets = [...new Set(rows.flatMap(row => row.target ?? []))].sort();
  for (const target of targets) {
    add(
      target === positive ? name : `${name}, explained ${target}`,
      rows.filter(row => row.target === target),
    );
  }
}

function stratumOf(name: string, rows: readonly SampleRow[]): Stratum {
  return {
    name,
    samples: new Set(rows.map(row => row.sample)),
    patients: new Set(rows.map(row => row.patient)).size,
  };
}
