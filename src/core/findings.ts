import type { ModelCard } from './contracts/index.ts';

/** How rows call the absence of a finding. */
export function absenceOf(finding: string): string {
  return `no ${finding}`;
}

/** From this probability on a finding counts as predicted. */
export function thresholdOf({ threshold = 0.5 }: Pick<ModelCard, 'threshold'>, finding: string): number {
  return typeof threshold === 'number' ? threshold : (threshold[finding] ?? 0.5);
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
