import { gridSegments, type Segmentation } from '../../core/image/segmentation.ts';
import { planar, tensor } from '../../core/tensor.ts';

/** Nearly square cells on a model's grid, about `side`² of them and `limit` at most. */
export function coarseGrid(spatial: readonly number[], side: number, limit: number): Segmentation {
  const [height, width] = planar(spatial);
  const image = tensor([height, width]);
  for (let asked = side * side; ; asked--) {
    const grid = gridSegments(image, asked);
    if (grid.count <= limit || asked === 1) return grid;
  }
}
