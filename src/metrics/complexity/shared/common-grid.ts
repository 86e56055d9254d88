import { z } from 'zod';
import { resizeBilinear } from '../../../core/image/resize.ts';
import { planar, type Tensor, tensor } from '../../../core/tensor.ts';

/** Side of the grid on which maps of all models and explainers are compared. */
const SIDE = 64;

/** What the metrics of this category have in common. */
export const gridOptions = {
  grid: z
    .enum(['common', 'own'])
    .default('common')
    .describe('64 × 64 for all maps, so that models of other sizes compare; or the map’s own'),
};

/** Magnitudes of a map on the grid that the options ask for. */
export function magnitudesOn(map: Tensor, { grid }: { readonly grid: 'common' | 'own' }): Tensor {
  const magnitude = tensor(map.shape, map.data.map(Math.abs));
  const [rows, columns] = planar(map.shape);
  if (grid === 'own' || (rows === SIDE && columns === SIDE)) return magnitude;
  return resizeBilinear(magnitude, [SIDE, SIDE], { antialias: true });
}
