import type { Baseline } from '../../core/contracts/index.ts';
import { noiseLevel } from '../../core/perturbation/noise.ts';
import { tensor } from '../../core/tensor.ts';
import { fillSmoothly, meanImage } from './shared/smooth-fill.ts';

/**
 * Noisy linear imputation (Rong et al. 2022): each removed pixel is the weighted mean of its neighbours, plus Gaussian
 * noise. Its standard deviation is that of the kept pixels' own noise, since a smooth hole in a noisy image would show
 * where something is missing. Where everything is removed: the image's mean, with noise. Raw space.
 */
export const inpaint: Baseline = {
  name: 'inpaint',
  title: 'Noisy linear imputation',
  summary: 'A filler: removed pixels are the weighted means of their neighbours, with the noise of the rest.',
  cite: 'Rong et al. 2022, arXiv:2202.00449',
  space: 'raw',
  family: 'imputed',
  make: (image, { rng }) => withNoise(meanImage(image), image, null, rng),
  fill(image, removed, { rng }) {
    return withNoise(fillSmoothly(image, removed), image, removed, rng);
  },
};

type Rng = Parameters<NonNullable<Baseline['fill']>>[2]['rng'];
type Image = Parameters<Baseline['make']>[0];

/** @param removed null: all */
function withNoise(filled: Image, image: Image, removed: Uint8Array | null, rng: Rng): Image {
  const [h, w, channels = 1] = image.shape as [number, number, number?];
  // All removed is one case, however it is said, and its noise is the image's.
  const whole = removed === null || !removed.includes(0);
  const draws = rng.fork('imputed');
  const field = new Float32Array(h * w);
  for (let i = 0; i < field.length; i++) field[i] = draws.normal();
  const kept = tensor([h, w], whole ? new Float32Array(h * w).fill(1) : farFromRemoved(removed!, h, w));
  const out = tensor(image.shape, filled.data.slice());
  for (let c = 0; c < channels; c++) {
    const plane = tensor([h, w]);
    for (let i = 0; i < h * w; i++) plane.data[i] = image.data[i * channels + c]!;
    const level = noiseLevel(plane, kept);
    for (let i = 0; i < h * w; i++) if (whole || removed![i]) out.data[i * channels + c]! += level * field[i]!;
  }
  return out;
}

/** 1 where neither a pixel nor any of its eight neighbours is removed, whose noise is not to be seen; else 0. */
function farFromRemoved(removed: Uint8Array, h: number, w: number): Float32Array {
  const out = new Float32Array(h * w).fill(1);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      if (!removed[y * w + x]) continue;
      for (let yy = Math.max(0, y - 1); yy <= Math.min(h - 1, y + 1); yy++) {
        out.fill(0, yy * w + Math.max(0, x - 1), yy * w + Math.min(w, x + 2));
      }
    }
  }
  return out;
}
