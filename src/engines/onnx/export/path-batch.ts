import { Emitter } from '../autodiff/emit.ts';
import { DType, type ValueInfo } from '../graph/graph.ts';
import type { MapRecipe } from './explained-graph.ts';

/** The points of a path from the baseline to each image, as one batch: of each image itself, then its points. */
export interface PathBatch {
  /** [n (1 + s), …]: what the model eats. */
  readonly images: string;
  /** [n (1 + s), k] → [n, k]: what belongs to the images themselves. */
  first(scores: string): string;
  /** [n, k] → [n (1 + s), k]: the same for all points of an image. */
  forEach(target: string): string;
  /** [n (1 + s), …] of gradients → the map: Σ_c (x − b) Σ_s w_s g_s. */
  map(gradients: string, channelAxis: number): string;
}

export function pathBatch(e: Emitter, image: ValueInfo, { baseline, path }: MapRecipe): PathBatch {
  const dims = image.dims.slice(1) as number[];
  const ones = dims.map(() => 1);
  const points = path!.nodes.length;
  const itself = e.unsqueeze(image.name, [1]);
  const difference = e.sub(itself, e.constant([1, 1, ...dims], baseline!.data));
  // In double, as the explainer makes its points: near a constant baseline a rounding moves many ReLUs at once.
  const precise = new Emitter(e.builder, DType.double);
  const from = precise.constant([1, 1, ...dims], baseline!.data);
  const away = precise.sub(precise.cast(itself), from);
  const shares = precise.constant([1, points, ...ones], path!.nodes);
  const between = e.cast(precise.add(from, precise.mul(away, shares)));
  const images = e.op('Reshape', [e.concat([itself, between], 1), e.ints([-1, ...dims])]);
  const byImage = (x: string, rest: readonly number[]) => e.op('Reshape', [x, e.ints([-1, 1 + points, ...rest])]);
  // 0 copies a dimension: the number of classes is that of the tensor.
  const classes = (x: string) => e.op('Shape', [x], {});
  return {
    images,
    first(scores) {
      const shape = e.slice(classes(scores), [0], [1], [2]);
      const rows = e.op('Reshape', [scores, e.concat([e.ints([-1, 1 + points]), shape], 0)]);
      return e.squeeze(e.slice(rows, [1], [0], [1]), [1]);
    },
    forEach(target) {
      const repeated = e.op('Expand', [e.unsqueeze(target, [1]), e.ints([1, 1 + points, 1])]);
      const shape = e.slice(classes(target), [0], [1], [2]);
      return e.op('Reshape', [repeated, e.concat([e.ints([-1]), shape], 0)]);
    },
    map(gradients, channelAxis) {
      const rows = e.slice(byImage(gradients, dims), [1], [1], [1 + points]);
      const mean = e.sum(e.mul(rows, e.constant([1, points, ...ones], path!.weights)), [1]);
      return e.sum(e.mul(mean, difference), [channelAxis + 1]);
    },
  };
}
