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
  const field = Float32Array.from({ length: h * w }, () => draws.normal());
  const out = tensor(image.shape, filled.data.slice());
  for (let c = 0; c < channels; c++) {
    const plane = tensor(
      [h, w],
      Float32Array.from({ length: h * w }, (_, i) => image.data[i * channels + c]!),
    );
    const kept = tensor(
      [h, w],
      Float32Array.from({ length: h * w }, (_, i) => (!whole && nearRemoved(removed!, i, h, w) ? 0 : 1)),
    );
    const level = noiseLevel(plane, kept);
    for (let i = 0; i < h * w; i++) if (whole || removed![i]) out.data[i * channels + c]! += level * field[i]!;
  }
  return out;
}

/** Whether a pixel or one of its eight neighbours is removed: its noise would be measured on what is not to be seen. */
function nearRemoved(removed: Uint8Array, i: number, h: number, w: number): boolean {
  const [y, x] = [Math.floor(i / w), i % w];
  for (let yy = Math.max(0, y - 1); yy <= Math.min(h - 1, y + 1); yy++) {
    for (let xx = Math.max(0, x - 1); xx <= Math.min(w - 1, x + 1); xx++) if (removed[yy * w + xx]) return true;
  }
  return false;
}
