import type { Curve, Film, ImageContext } from '../../../core/contracts/index.ts';
import { removalPath } from '../../../core/perturbation/removal.ts';
import { sizeOf, tensor } from '../../../core/tensor.ts';
import type { PerturbationPlan } from './perturbation-plan.ts';

/** Frames of a film whose filler makes every frame anew, so that each has to be kept. */
const MOST_FILLED = 21;

/**
 * Which frame changes each pixel, of the order that the scores were taken in: a frame for each point of the curve. With
 * a filler, the frames themselves, of at most 21 points as far apart as can be.
 * @param edges of the curve's points
 */
export function filmOf(
  state: 'removed' | 'kept',
  context: Pick<ImageContext, 'image' | 'baseline' | 'fill'>,
  { sequences }: PerturbationPlan,
  { edges, curve }: { readonly edges: readonly number[]; readonly curve: Curve },
): Film {
  const { pixels, ends } = sequences[0]!;
  const { image, fill } = context;
  const points = fill ? spread(edges.length, MOST_FILLED) : edges.map((_, i) => i);
  const shown = points.map(i => ends[edges[i]!]!);
  const steps = tensor(image.shape.slice(0, -1));
  for (let frame = 1; frame < shown.length; frame++) {
    for (let j = shown[frame - 1]!; j < shown[frame]!; j++) steps.data[pixels[j]!] = frame;
  }
  const batch = fill && removalPath(context, state, pixels, shown);
  const frames = shown.map((_, i) => {
    const data = new Float32Array(sizeOf(image.shape));
    batch?.write(i, data);
    return tensor(image.shape, data);
  });
  return {
    from: state === 'removed' ? 'image' : 'baseline',
    steps,
    ...(fill
      ? { frames, curve: { fraction: points.map(i => curve.fraction[i]!), score: points.map(i => curve.score[i]!) } }
      : { curve }),
  };
}

/** At most `most` of `count` places, the first and the last among them. */
function spread(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
}
