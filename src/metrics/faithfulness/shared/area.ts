import { type MetricContext, type Score, type Undefined, undefinedBecause } from '../../../core/contracts/index.ts';
import { filmOf } from './film.ts';
import { followPaths } from './follow-paths.ts';
import type { CurveOptions } from './options.ts';
import { detailsOf, followed, unmoved } from './outcome.ts';
import { curvesOf } from './scores.ts';

/** The area under the score while the most relevant pixels are removed from the image, or kept alone of it. */
export async function areaWhile(
  change: 'removed' | 'kept',
  context: MetricContext<CurveOptions>,
): Promise<Score | Undefined> {
  const curves = await curvesOf(context);
  const to = followed(context, curves);
  if (typeof to === 'string') return undefinedBecause(to);
  const wanted = [{ state: change, edges: curves.plan.edges }];
  const { paths, error } = await followPaths(curves, wanted, context.options, to.follow);
  const path = paths[0]!;
  const nothing = unmoved(paths, to.follow);
  if (nothing) return nothing;
  const curve = path.curve(to.follow);
  return {
    value: path.area(to.follow),
    ...(error === undefined ? {} : { error }),
    curve,
    ...(context.film ? { film: filmOf(change, context, curves.plan, { edges: path.edges, curve }) } : {}),
    details: detailsOf(context, curves, to.share && path.area(to.share)),
  };
}
