import { z } from 'zod';
import {
  isUndefined,
  type Metric,
  type MetricContext,
  type Score,
  type Undefined,
  undefinedBecause,
} from '../../../core/contracts/index.ts';
import { defineMetric, type MetricSpec } from '../../../core/define.ts';
import { distance, norm } from '../../../core/norm.ts';
import { spreadOf } from './changes.ts';
import {
  detailsOf,
  type Neighbour,
  type Neighbourhood,
  neighbourhoodOf,
  noiseCost,
  noiseOptions,
} from './neighbours.ts';

/** As Agarwal et al. have it: what is divided by is at least this. */
const LEAST = 1e-6;

export const relativeOptions = z.strictObject({
  ...noiseOptions,
  relative: z
    .enum(['norm', 'elementwise'])
    .default('norm')
    .describe(
      'changes over the length of what changes; or element by element, which is huge where elements are near 0',
    ),
});

export const RELATIVE_PRESETS = { agarwal: { options: { relative: 'elementwise' } } } as const;

export type RelativeOptions = z.output<typeof relativeOptions>;

/** How far values are from others, relative to these. */
export function relativeChange(
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  by: RelativeOptions['relative'],
): number {
  if (by === 'norm') return distance(from, to) / norm(from);
  let sum = 0;
  for (let i = 0; i < from.length; i++) {
    const over = Math.abs(from[i]!) < LEAST ? LEAST : from[i]!;
    sum += ((to[i]! - from[i]!) / over) ** 2;
  }
  return Math.sqrt(sum);
}

interface RelativeMetric
  extends Pick<
    MetricSpec<typeof relativeOptions>,
    'name' | 'title' | 'summary' | 'cite' | 'undefinedWhen' | 'criticism' | 'criticismSource'
  > {
  /** What changes beside the map, for the reason where it does not. */
  readonly what: string;
  far(neighbour: Neighbour, near: Neighbourhood, context: MetricContext<RelativeOptions>): number;
}

/** The largest relative change of the map over the change of something that the noisy copies tell by themselves. */
export function relativeMetric({ what, far, ...own }: RelativeMetric): Metric {
  return defineMetric({
    ...own,
    category: 'robustness',
    better: 'lower',
    range: [0, Number.POSITIVE_INFINITY],
    needs: ['model', 'explain'],
    options: relativeOptions,
    presets: RELATIVE_PRESETS,
    checks: { options: { draws: 3 } },
    cost: (options, _, explanation) => noiseCost(options, explanation),
    async evaluate(context) {
      const near = await neighbourhoodOf(context);
      return isUndefined(near) ? near : relativeStability(context, near, n => far(n, near, context), what);
    },
  });
}

/** The largest relative change of the map over a measure of the change of something else. */
export function relativeStability(
  { attribution, options }: MetricContext<RelativeOptions>,
  near: Neighbourhood,
  far: (neighbour: Neighbour, i: number) => number,
  what: string,
): Score | Undefined {
  const changes = near.neighbours.map(far);
  // What is 0 everywhere has no relative change: every one would be infinite, and every map stable.
  if (changes.includes(Number.POSITIVE_INFINITY)) return undefinedBecause(`the ${what} is 0 everywhere`);
  const ratios = near.neighbours
    .map((n, i) => relativeChange(attribution.data, n.map.data, options.relative) / changes[i]!)
    .filter(Number.isFinite);
  if (ratios.length === 0) return undefinedBecause(`the noise does not change the ${what}`);
  const { largest, mean } = spreadOf(ratios);
  return { value: largest, details: { ...detailsOf(near), mean } };
}
