import type { ModelCard, Predicting, Sample } from './contracts/index.ts';
import { logOdds } from './predicts.ts';

/** How rows call the absence of a finding. */
export function absenceOf(finding: string): string {
  return `no ${finding}`;
}

/** From this probability on a finding counts as predicted. */
export function thresholdOf({ threshold = 0.5 }: Pick<ModelCard, 'threshold'>, finding: string): number {
  return typeof threshold === 'number' ? threshold : (threshold[finding] ?? 0.5);
}

/** Of findings that do not exclude each other: the log-odds from which on each counts as predicted. */
export function thresholdsOf(card: Pick<ModelCard, 'task' | 'threshold' | 'classes'>): readonly number[] | undefined {
  return card.task === 'multi-label' ? card.classes.map(finding => logOdds(thresholdOf(card, finding))) : undefined;
}

/** What a card says of how its classes are predicted. */
export function predictingBy(card: Pick<ModelCard, 'task' | 'threshold' | 'classes'>): Predicting {
  const thresholds = thresholdsOf(card);
  return {
    independent: card.task === 'multi-label',
    regression: card.task === 'regression',
    ...(thresholds ? { thresholds } : {}),
  };
}

/** How many images have a finding, have it not, and of how many it is not known. */
export interface FindingCount {
  readonly present: number;
  readonly absent: number;
  readonly unknown: number;
}

/** Counts findings over samples that are told one by one. */
export function countFindings(names: readonly string[]) {
  const counts = new Map(names.map(name => [name, { present: 0, absent: 0, unknown: 0 }]));
  return {
    add({ findings }: Pick<Sample, 'findings'>): void {
      for (const [name, count] of counts) {
        const there = findings?.[name];
        count[there === undefined ? 'unknown' : there ? 'present' : 'absent']++;
      }
    },
    /** By finding; nothing where there are none. */
    finish(): { readonly findings?: Readonly<Record<string, FindingCount>> } {
      return counts.size > 0 ? { findings: Object.fromEntries(counts) } : {};
    },
  };
}

/** 'Effusion 25 of 60, Mass 19 of 54 (6 not known)'. */
export function findingsText(findings: Readonly<Record<string, FindingCount>>): string {
  return Object.entries(findings)
    .map(
      ([name, n]) =>
        `${name} ${n.present} of ${n.present + n.absent}${n.unknown > 0 ? ` (${n.unknown} not known)` : ''}`,
    )
    .join(', ');
}

/** How tables write that a finding is there, is not, or is not known (CheXpert writes −1 where it is uncertain). */
const WRITTEN: Readonly<Record<string, boolean | undefined>> = {
  1: true,
  true: true,
  yes: true,
  positive: true,
  0: false,
  false: false,
  no: false,
  negative: false,
  '': undefined,
  [-1]: undefined,
  nan: undefined,
  na: undefined,
  unknown: undefined,
};

/** Whether a finding is there, by a table's cell; undefined: not known. 'unreadable': the cell says something else. */
export function findingIn(cell: string): boolean | undefined | 'unreadable' {
  const text = cell.trim().toLowerCase();
  const plain = /^-?[01](\.0*)?$/.test(text) ? String(Number(text)) : text;
  return Object.hasOwn(WRITTEN, plain) ? WRITTEN[plain] : 'unreadable';
}
