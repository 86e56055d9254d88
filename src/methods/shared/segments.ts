import { z } from 'zod';
import type { ExplainContext } from '../../core/contracts/index.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { quickshift } from '../../core/image/quickshift.ts';
import { gridSegments, type Segmentation } from '../../core/image/segmentation.ts';
import { slic, slicLimit } from '../../core/image/slic.ts';
import { planar, type Tensor, tensor } from '../../core/tensor.ts';

/** Options of the methods that explain segments instead of pixels. */
export const segmentOptions = {
  segmentation: z.enum(['slic', 'quickshift', 'grid']).default('slic').describe('how the image is cut into segments'),
  segments: z.int().min(2).default(100).describe('slic, grid: number of segments, about'),
  compactness: z.number().positive().default(0.1).describe('slic: nearness against likeness; 10 gives squares'),
  sigma: z.number().min(0).default(1).describe('slic: Gaussian smoothing beforehand, pixels'),
  kernelSize: z.number().min(1).default(4).describe('quickshift: SD of the density kernel, pixels'),
  maxDistance: z.number().positive().default(200).describe('quickshift: longer links are cut'),
  ratio: z.number().min(0).max(1).default(0.2).describe('quickshift: weight of colour against position'),
};

export type SegmentOptions = z.output<z.ZodObject<typeof segmentOptions>>;

/** At most this many segments come out, on a model's grid. */
export function segmentLimit(options: SegmentOptions, spatial: readonly number[]): number {
  const [height, width] = planar(spatial);
  switch (options.segmentation) {
    case 'slic':
      return slicLimit(height, width, options.segments);
    case 'quickshift':
      return height * width;
    case 'grid':
      return gridSegments(tensor([height, width]), options.segments).count;
  }
}

/** SLIC gives fewer segments than it is asked for, since it joins small ones: measured, see docs/precision.md. */
const OF_THOSE_ASKED_FOR = 0.72;

/** So many segments are to be expected, on a model's grid; of quickshift nothing is known beforehand. */
export function expectedSegments(options: SegmentOptions, spatial: readonly number[]): number {
  const most = segmentLimit(options, spatial);
  return options.segmentation === 'slic' ? Math.min(most, Math.round(OF_THOSE_ASKED_FOR * options.segments)) : most;
}

/** The segments of the image as it is shown, computed once for all explainers that ask for the same. */
export function sharedSegments({ view, memo }: Pick<ExplainContext<[], unknown>, 'view' | 'memo'>, o: SegmentOptions) {
  const { segmentation, segments, compactness, sigma, kernelSize, maxDistance, ratio } = o;
  const key = { segmentation, segments, compactness, sigma, kernelSize, maxDistance, ratio };
  return memo(`segments ${fingerprint(view)} ${JSON.stringify(key)}`, async () => segmentsOf(view, o));
}

/** The segments of a view [h, w] in 0…1; the same every time for one view and options. */
export function segmentsOf(view: Tensor, options: SegmentOptions): Segmentation {
  switch (options.segmentation) {
    case 'slic':
      return slic(view, options);
    case 'quickshift':
      return quickshift(view, options);
    case 'grid':
      return gridSegments(view, options.segments);
  }
}
