import type { Curve, MetricContext } from '../../../core/contracts.ts';
import { areaUnder } from '../../../core/curve.ts';
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
  const drop = curves.image - curves.baseline;
  const share = Math.abs(drop) < LEAST_DROP ? undefined : (raw: number) => (raw - curves.baseline) / drop;
  if (!context.options.normalised) return { follow: fromRaw(context.options), ...(share && { share }) };
  return share === undefined
    ? `image and baseline differ by ${Math.abs(drop).toPrecision(2)} in the score, less than ${LEAST_DROP}`
    : { follow: share, share };
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

/** The details that all curve metrics give. */
export function commonDetails(context: MetricContext<CurveOptions>, curves: Curves): Record<string, number> {
  const [rows, columns] = curves.plan.patch;
  const follow = fromRaw(context.options);
  return {
    scoreImage: follow(curves.image),
    scoreBaseline: follow(curves.baseline),
    tiedShare: curves.plan.tiedShare,
    tieFields: curves.plan.sequences.length,
    ...(context.options.unit === 'patches' ? { patchRows: rows, patchColumns: columns } : {}),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
