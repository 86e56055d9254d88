import type { Classifier } from './contracts/index.ts';

/**
 * Whether a model predicts a class, by its scores of one image: the class with the greatest score. Of findings that do
 * not exclude each other each is predicted by itself, where its log-odds are above 0. A regression has no classes: nothing
 * it puts out is another prediction.
 * @param logits one for each class: logits or margins, not probabilities
 */
export function predicts(
  { independent, regression }: Pick<Classifier, 'independent' | 'regression'>,
  logits: ArrayLike<number>,
  of: number,
): boolean {
  if (regression) return true;
  if (independent) return logits[of]! > 0;
  for (let c = 0; c < logits.length; c++) if (logits[c]! > logits[of]!) return false;
  return true;
}
