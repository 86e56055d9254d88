import type { Baseline } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { tensor } from '../../core/tensor.ts';

/** Training images that the mean is taken over, at most. */
const IMAGES = 50;

/** The mean of up to 50 training images, pixel by pixel, in raw space. The suite names them under `background`. */
export const datasetMean: Baseline = {
  name: 'dataset-mean',
  title: 'Mean training image',
  summary: 'The mean of up to 50 training images, pixel by pixel; the suite names them under `background`.',
  space: 'raw',
  family: 'constant',
  async make(image, { trainingImages }) {
    const images = await trainingImages(IMAGES);
    if (images.length === 0) {
      throw new CtXaiError('BASELINE', 'the mean training image needs training images, and there are none.', {
        hint: "Name some under 'background' in the suite, for example { use: phantom, split: train }.",
      });
    }
    const sum = new Float64Array(image.data.length);
    for (const { data } of images) {
      // A grey picture among coloured ones has one plane.
      const channels = image.data.length / data.length;
      for (let i = 0; i < sum.length; i++) sum[i]! += data[channels > 1 ? Math.floor(i / channels) : i]!;
    }
    return tensor(
      image.shape,
      Float32Array.from(sum, v => v / images.length),
    );
  },
};
