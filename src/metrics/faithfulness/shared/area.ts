import {
  type Film,
  type MetricContext,
  type Score,
  type Undefined,
  undefinedBecause,
} from '../../../core/contracts/index.ts';
import { tensor } from '../../../core/tensor.ts';
import { followPaths } from './follow-paths.ts';
import type { CurveOptions } from './options.ts';
import { detailsOf, followed, unmoved } from './outcome.ts';
import type { PerturbationPlan } from './perturbation-plan.ts';
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
  return {
    value: path.area(to.follow),
    ...(error === undefined ? {} : { error }),
    curve: path.curve(to.follow),
    // A filler makes pixels anew in every frame.
    ...(context.film && !context.fill
      ? { film: filmOf(change, context.attribution.shape, curves.plan, path.edges) }
      : {}),
    details: detailsOf(context, curves, to.share && path.area(to.share)),
  };
}

/** Which frame changes each pixel, of the order that the scores were taken in: a frame for each point of the curve. */
function filmOf(
  change: 'removed' | 'kept',
  shape: readonly number[],
  { sequences }: PerturbationPlan,
  edges: readonly number[],
): Film {
  const { pixels, ends } = sequences[0]!;
  const steps = tensor(shape);
  for (let frame = 1; frame < edges.length; frame++) {
    for (let j = ends[edges[frame - 1]!]!; j < ends[edges[frame]!]!; j++) steps.data[pixels[j]!] = frame;
  }
  return { from: change === 'removed' ? 'image' : 'baseline', steps };
}
