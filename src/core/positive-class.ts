import type { ModelCard } from './contracts/index.ts';

/** Index of the class that counts as positive: the card's, or the second. */
export function positiveClass({ positive, classes }: Pick<ModelCard, 'positive' | 'classes'>): number {
  return positive === undefined ? Math.min(1, classes.length - 1) : classes.indexOf(positive);
}
