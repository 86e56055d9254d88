import type { Film } from '../../../core/contracts/index.ts';
import { tensor } from '../../../core/tensor.ts';
import type { PerturbationPlan } from './perturbation-plan.ts';

/** Which frame changes each pixel, of the order that the scores were taken in: a frame for each point of the curve. */
export function filmOf(
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
