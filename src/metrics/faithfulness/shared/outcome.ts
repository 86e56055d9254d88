import { type MetricContext, type Undefined, undefinedBecause } from '../../../core/contracts/index.ts';
import type { SeenPath } from './follow-paths.ts';
import type { CurveOptions } from './options.ts';
import { type Curves, fromRaw } from './scores.ts';

/** Below this difference between the raw scores of image and baseline, a share of it has no meaning. */
const LEAST_DROP = 0.5;
/** The same for values of a regression, whose unit may be any: a share of the larger value. */
const LEAST_SHARE = 0.001;

/** What the map is judged by, from raw scores: the score of the options, or its share of the drop to the baseline. */
export interface Followed {
  readonly follow: (raw: number) => number;
  /** As a share of the drop; absent where the drop is too small. */
  readonly share?: (raw: number) => number;
}

/** The reason where every map has the same curve, or the options ask for a share of the drop and it is too small. */
export function followed(context: MetricContext<CurveOptions>, curves: Curves): Followed | string {
  // All at once: no order shows.
  if (curves.plan.edges.length < 3) return 'everything is removed in one step, so that all maps have the same value';
  const drop = Math.abs(curves.image.score - curves.baseline.score);
  const larger = Math.max(Math.abs(curves.image.score), Math.abs(curves.baseline.score));
  const least = context.model.regression ? LEAST_SHARE * larger : LEAST_DROP;
  const defined = drop > 0 && drop >= least && drop < Number.POSITIVE_INFINITY;
  const share = (raw: number) => (raw - curves.baseline.score) / (curves.image.score - curves.baseline.score);
  if (!context.options.normalised) return { follow: fromRaw(context.options), ...(defined && { share }) };
  if (defined) return { follow: share, share };
  return drop === 0 || drop < least
    ? `image and baseline differ by ${drop.toPrecision(2)} in the score, less than ${Number(least.toPrecision(2))}`
    : 'the probability of image or baseline is 0 or 1, so that its margin is infinite';
}

/** Scores closer together than this, or than this share of the largest, are the same: models compute in 32 bits. */
const ROUNDING = 1e-6;

/** Why curves say nothing of the map, as those of a saturated probability; undefined where they do. */
export function unmoved(paths: readonly SeenPath[], follow: (raw: number) => number): Undefined | undefined {
  const all = paths.flatMap(path => path.raw.map(follow));
  if (!all.every(Number.isFinite)) {
    return undefinedBecause('the probability is 0 or 1 on the way, so that its margin is infinite');
  }
  return allSame(all) ? undefinedBecause('the score is the same whatever is removed') : undefined;
}

/** Whether scores differ by no more than rounding, as those of a saturated probability do. */
export function allSame(scores: readonly number[]): boolean {
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  return high - low <= ROUNDING * Math.max(1, Math.abs(low), Math.abs(high));
}

/** The details that all curve metrics give; `normalised` only where it is a number. */
export function detailsOf(
  context: MetricContext<CurveOptions>,
  curves: Curves,
  normalised: number | undefined,
): Record<string, number> {
  const [rows, columns] = curves.plan.patch;
  const follow = fromRaw(context.options);
  return {
    scoreImage: follow(curves.image.score),
    scoreBaseline: follow(curves.baseline.score),
    tiedShare: curves.plan.tiedShare,
    tieFields: curves.plan.sequences.length,
    ...(context.options.unit === 'patches' ? { patchRows: rows, patchColumns: columns } : {}),
    ...(normalised !== undefined && Number.isFinite(normalised) ? { normalised } : {}),
  };
}
