import { type Curve, type MetricContext, type Undefined, undefinedBecause } from '../../../core/contracts/index.ts';
import { areaUnder } from '../../../core/perturbation/curve.ts';
import type { CurveOptions } from './options.ts';
import { type Curves, fromRaw, type PathScores } from './scores.ts';

/** Below this difference between the raw scores of image and baseline, a share of it has no meaning. */
const LEAST_DROP = 0.5;

/** What the map is judged by, from raw scores: the score of the options, or its share of the drop to the baseline. */
export interface Followed {
  readonly follow: (raw: number) => number;
  /** As a share of the drop; absent where the drop is too small. */
  readonly share?: (raw: number) => number;
}

/** The reason where the options ask for a share of the drop and the drop is too small. */
export function followed(context: MetricContext<CurveOptions>, curves: Curves): Followed | string {
  const drop = Math.abs(curves.image - curves.baseline);
  const defined = drop >= LEAST_DROP && drop < Number.POSITIVE_INFINITY;
  const share = (raw: number) => (raw - curves.baseline) / (curves.image - curves.baseline);
  if (!context.options.normalised) return { follow: fromRaw(context.options), ...(defined && { share }) };
  if (defined) return { follow: share, share };
  return drop < LEAST_DROP
    ? `image and baseline differ by ${drop.toPrecision(2)} in the score, less than ${LEAST_DROP}`
    : 'the probability of image or baseline is 0 or 1, so that its margin is infinite';
}

/** Scores closer together than this, or than this share of the largest, are the same: models compute in 32 bits. */
const ROUNDING = 1e-6;

/** Why a curve says nothing of the map, as that of a saturated probability; undefined where it does. */
export function unmoved({ score }: PathScores, follow: (raw: number) => number): Undefined | undefined {
  return allSame(score.flat().map(follow)) ? undefinedBecause('the score is the same whatever is removed') : undefined;
}

/** Whether scores differ by no more than rounding, as those of a saturated probability do. */
export function allSame(scores: readonly number[]): boolean {
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  return high - low <= ROUNDING * Math.max(1, Math.abs(low), Math.abs(high));
}

/** The area under a path, averaged over the priority fields. */
export function meanArea(path: PathScores, follow: (raw: number) => number): number {
  return mean(path.score.map((score, f) => areaUnder(path.fraction[f]!, score.map(follow))));
}

/** The points of a path, averaged over the priority fields. */
export function meanCurve(path: PathScores, follow: (raw: number) => number): Curve {
  const points = path.score[0]!.map((_, i) => i);
  return {
    fraction: points.map(i => mean(path.fraction.map(f => f[i]!))),
    score: points.map(i => mean(path.score.map(s => follow(s[i]!)))),
  };
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
    scoreImage: follow(curves.image),
    scoreBaseline: follow(curves.baseline),
    tiedShare: curves.plan.tiedShare,
    tieFields: curves.plan.sequences.length,
    ...(context.options.unit === 'patches' ? { patchRows: rows, patchColumns: columns } : {}),
    ...(normalised !== undefined && Number.isFinite(normalised) ? { normalised } : {}),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
