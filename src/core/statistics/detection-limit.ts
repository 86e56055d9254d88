import type { Rng } from '../rng.ts';
import { aucInterval, clusteredAuc } from './auc-interval.ts';
import { quantile } from './quantile.ts';

/** A trained model, what its maps show of a shortcut, and how much it relies on it. */
export interface ShortcutModel {
  /** Mean |change of the score when the confounder is switched off| / SD of the score without it; measured on pairs. */
  readonly reliance: number;
  /** One value a patient, the same patients in the same order for all models: how much of the map is on the confounder. */
  readonly shown: readonly number[];
}

export interface Detection {
  /** Chance that a model shows more than one to which the confounder told nothing; ties half. */
  readonly auc: number;
  /** Lower end of the 95 % interval. */
  readonly low: number;
}

export interface DetectionLimit extends Detection {
  /** The smallest reliance from which the lower bound is at least `ENOUGH`; null where there is none. */
  readonly limit: number | null;
  /** By ascending reliance; bounds never fall, and are 0 for the first models, which are too few. */
  readonly bounds: readonly { readonly reliance: number; readonly low: number }[];
}

/** The area under the ROC curve from which a shortcut counts as detected. */
const ENOUGH = 0.9;
/** Models up to each reliance that its bound is of. All of 24 detected beside 20 references: at least .9; of 20: .899. */
const WINDOW = 24;
const RESAMPLES = 999;

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * How much a model relies on a confounder: mean |margin with it − margin without it| over pairs of images that differ by it
 * alone, divided by the SD of the margin without it. No explainer takes part.
 * @param withIt margins (log-odds) with the confounder, one a pair.
 * @param without those of the same images without it, in the same order.
 * @returns 0 or more; infinite for a model that tells images apart by the confounder alone, NaN for one that never does.
 * @throws RangeError where pairs are incomplete, or fewer than two.
 */
export function relianceOf(withIt: readonly number[], without: readonly number[]): number {
  const n = without.length;
  if (withIt.length !== n || n < 2) throw new RangeError('reliance needs two pairs or more, each complete');
  const mean = meanOf(without);
  const sd = Math.sqrt(without.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1));
  return meanOf(withIt.map((v, i) => Math.abs(v - without[i]!))) / sd;
}

/**
 * How well maps tell models from `reference` models, to which the confounder told nothing. The bound is the smaller of
 * Newcombe's, over models, and of a bootstrap over models and patients, since the first knows nothing of patients, and
 * the second gives 1 wherever all are detected.
 */
export function detection(models: readonly ShortcutModel[], reference: readonly ShortcutModel[], rng: Rng): Detection {
  const scored = [...models, ...reference].map((m, i) => ({
    ...{ score: meanOf(m.shown), positive: i < models.length, patient: String(i) },
  }));
  const area = clusteredAuc(scored);
  if (!area) throw new RangeError('detection needs models and reference models');
  const { low: newcombe } = aucInterval(area);
  const patients = reference[0]!.shown.length;
  const drawn: number[] = [];
  for (let k = 0; k < RESAMPLES; k++) {
    const of = Array.from({ length: patients }, () => rng.int(patients));
    const scores = (from: readonly ShortcutModel[]) =>
      from.map(() => from[rng.int(from.length)]!).map(m => of.reduce((sum, p) => sum + m.shown[p]!, 0));
    drawn.push(areaOf(scores(models), scores(reference)));
  }
  return { auc: area.value, low: Math.min(newcombe, quantile(drawn, 0.025)) };
}

/**
 * The detection limit, if detection does not become worse as reliance grows (isotonic). Then the area over the `WINDOW`
 * models up to a reliance is at most the area at that reliance, and a lower bound of the first is one of the second, and
 * of all that is above it.
 */
export function detectionLimit(
  models: readonly ShortcutModel[],
  reference: readonly ShortcutModel[],
  rng: Rng,
): DetectionLimit {
  const sorted = [...models].sort((a, b) => a.reliance - b.reliance);
  let low = 0;
  const bounds = sorted.map(({ reliance }, i) => {
    if (i + 1 >= WINDOW) {
      low = Math.max(low, detection(sorted.slice(i + 1 - WINDOW, i + 1), reference, rng.fork('window', i)).low);
    }
    return { reliance, low };
  });
  const found = bounds.find(b => b.low >= ENOUGH);
  return { ...detection(models, reference, rng.fork('all')), limit: found?.reliance ?? null, bounds };
}

/** P(a > b) + ½ P(a = b). */
function areaOf(a: readonly number[], b: readonly number[]): number {
  let won = 0;
  for (const x of a) for (const y of b) won += x > y ? 1 : x === y ? 0.5 : 0;
  return won / (a.length * b.length);
}
