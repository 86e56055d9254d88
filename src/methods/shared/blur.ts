import { z } from 'zod';
import { type Attribution, type Undefined, undefinedBecause } from '../../core/contracts/index.ts';
import { gaussianBlur } from '../../core/image/blur.ts';
import type { Tensor } from '../../core/tensor.ts';

/** Of controls: whether a metric likes smooth maps for their look alone. */
export const blurOption = z.number().positive().optional().describe('blur the map by this standard deviation, pixels');

/** The map as it is, or blurred. */
export function blurredBy(map: Tensor, sigma: number | undefined): Attribution | Undefined {
  if (sigma === undefined) return { map };
  if (map.shape.length !== 2) return undefinedBecause('only maps of two dimensions are blurred');
  return { map: gaussianBlur(map, sigma) };
}
