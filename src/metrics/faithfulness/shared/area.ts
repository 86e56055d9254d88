import { type MetricContext, type Score, type Undefined, undefinedBecause } from '../../../core/contracts/index.ts';
import type { CurveOptions } from './options.ts';
import { detailsOf, followed, meanArea, meanCurve, unmoved } from './outcome.ts';
import { curvesOf } from './scores.ts';

/** The area under the score while the most relevant pixels are removed from the image, or kept alone of it. */
export async function areaWhile(
  change: 'removed' | 'kept',
  context: MetricContext<CurveOptions>,
): Promise<Score | Undefined> {
  const curves = await curvesOf(context);
  const to = followed(context, curves);
  if (typeof to === 'string') return undefinedBecause(to);
  const path = await curves.path(change, curves.plan.edges);
  const nothing = unmoved(path, to.follow);
  if (nothing) return nothing;
  return {
    value: meanArea(path, to.follow),
    curve: meanCurve(path, to.follow),
    details: detailsOf(context, curves, to.share && meanArea(path, to.share)),
  };
}
