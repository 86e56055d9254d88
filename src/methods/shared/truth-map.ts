import { type Effects, type Undefined, undefinedBecause } from '../../core/contracts/index.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';

/**
 * The truth map: φ_j / |R_j| on the region of each factor, 0 elsewhere. It claims regions only. Where regions overlap
 * their values add up.
 */
export function truthMap(
  effects: Effects | undefined,
  spatial: readonly number[],
  unknown = 'nothing is known by intervention: the data has no factors to switch off',
): Tensor | Undefined {
  if (!effects) return undefinedBecause(unknown);
  const map = tensor(spatial);
  for (const { region, effect } of effects.factors) {
    if (!region) continue;
    const area = region.data.reduce((sum, v) => sum + v, 0);
    region.data.forEach((inside, p) => {
      if (inside === 1) map.data[p]! += effect / area;
    });
  }
  return map.data.some(v => v !== 0) ? map : undefinedBecause('no factor does anything to the score');
}
