import type { Predicting } from './contracts/index.ts';

/** What tells apart the classes that a model predicts, alone and as plain data. */
export function predictingOf({ independent = false, regression = false, thresholds }: Predicting) {
  return { independent, regression, ...(thresholds ? { thresholds } : {}) };
}

/**
 * Whether a model predicts a class, by its scores of one image: the class with the greatest score. Of findings that do
 * not exclude each other each is predicted by itself, where its log-odds reach the model's threshold, 0 unless its card
 * says otherwise. A regression has no classes: nothing it puts out is another prediction.
 * @param margins one for each class: log-odds, not probabilities
 */
export function predicts(
  { independent, regression, thresholds }: Predicting,
  margins: ArrayLike<number>,
  of: number,
): boolean {
  if (regression) return true;
  if (independent) return margins[of]! >= (thresholds?.[of] ?? 0);
  for (let c = 0; c < margins.length; c++) if (margins[c]! > margins[of]!) return false;
  return true;
}

/** The same by probabilities. */
export function predictsByProbability(model: Predicting, probabilities: ArrayLike<number>, of: number): boolean {
  return predicts(model, Array.from(probabilities, logOdds), of);
}

/**
 * By how much a class is ahead of what would be predicted in its place, in log-odds, by the probabilities of one image;
 * it is predicted where that is not negative. A regression is always ahead.
 */
export function leadByProbability(
  { independent, regression, thresholds }: Predicting,
  probabilities: ArrayLike<number>,
  of: number,
): number {
  if (regression) return Number.POSITIVE_INFINITY;
  const margins = Array.from(probabilities, logOdds);
  const own = margins[of]!;
  if (independent) return own - (thresholds?.[of] ?? 0);
  const others = Math.max(...margins.filter((_, c) => c !== of));
  // Both may be infinite: probabilities that round to the same.
  return own === others ? 0 : own - others;
}

/** −∞ for 0, ∞ for 1. */
export function logOdds(probability: number): number {
  return Math.log(probability) - Math.log1p(-probability);
}
