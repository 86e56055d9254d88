import { z } from 'zod';
import { quickshift } from '../../core/image/quickshift.ts';
import { gridSegments, type Segmentation } from '../../core/image/segmentation.ts';
import { slic } from '../../core/image/slic.ts';
import type { Tensor } from '../../core/tensor.ts';

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
