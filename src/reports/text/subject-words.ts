import type { Manifest } from '../../results/rows.ts';
import { positiveOf } from '../summary/primary.ts';
import { group, listed } from './format.ts';

type Entry = Manifest['models'][number];

/** Models named one by one. */
const MOST_NAMED = 3;

/** How many networks the entries are of: several findings of one network are several entries. */
export function networksOf(entries: readonly Entry[]): number {
  return new Set(entries.map(entry => entry.digest)).size;
}

/** What the entries of a run are: models, or the findings (classes) of one model. */
export function subjectsOf(all: readonly Entry[]): 'models' | 'findings' | 'classes' {
  // The same network twice, on two devices, say, is two models.
  const told = new Set(all.map(positiveOf));
  if (all.length < 2 || networksOf(all) > 1 || told.size < all.length) return 'models';
  return all[0]!.task === 'multi-label' ? 'findings' : 'classes';
}

/** 'both models', 'all 3 findings'. */
export function everyOf(all: readonly Entry[]): string {
  return all.length === 2 ? `both ${subjectsOf(all)}` : `all ${group(all.length)} ${subjectsOf(all)}`;
}

/** 'both models', 'all 3 findings', or names. */
export function together(of: readonly Entry[], all: readonly Entry[]): string {
  return of.length === all.length && all.length > 1 ? everyOf(all) : namesOf(of, all);
}

/** Names of models, or of the findings of one model; where they are many, how many. */
export function namesOf(of: readonly Entry[], all: readonly Entry[]): string {
  if (of.length > MOST_NAMED) return `${group(of.length)} ${subjectsOf(all)}`;
  return listed(of.map(entry => nameOf(entry, all)));
}

/** Of one model's findings, the finding. */
export function nameOf(entry: Entry, all: readonly Entry[]): string {
  return subjectsOf(all) === 'models' ? entry.id : positiveOf(entry);
}

/** The networks by name: that of one model whose findings are told apart stands once. */
export function networkNames(all: readonly Entry[]): string {
  const [first] = all;
  if (!first || subjectsOf(all) === 'models') return namesOf(all, all);
  const end = `: ${positiveOf(first)}`;
  return first.id.endsWith(end) ? first.id.slice(0, -end.length) : 'the model';
}
