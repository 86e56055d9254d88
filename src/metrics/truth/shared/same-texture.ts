import type { Rng } from '../../../core/rng.ts';
import { planar, type Tensor, tensor } from '../../../core/tensor.ts';

/**
 * A map of the same values and the same texture that knows nothing of the image: moved round the edges by a random
 * step, and mirrored or not along each axis.
 * @param map [h, w]
 */
export function sameTexture(map: Tensor, rng: Rng): Tensor {
  const [h, w] = planar(map.shape);
  const [dy, dx, flips] = [rng.int(h), rng.int(w), rng.int(4)];
  const out = new Float32Array(h * w);
  for (let y = 0; y < h; y++) {
    const from = ((flips & 1 ? h - 1 - y : y) + dy) % h;
    for (let x = 0; x < w; x++) out[y * w + x] = map.data[from * w + (((flips & 2 ? w - 1 - x : x) + dx) % w)]!;
  }
  return tensor([h, w], out);
}
