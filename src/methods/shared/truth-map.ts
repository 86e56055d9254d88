import { type Effects, type Undefined, undefinedBecause } from '../../core/contracts/index.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';

/**
 * The truth map: φ_j / |R_j| on the region of each factor, 0 elsewhere. It claims regions only. Where regions overlap
 * their values add up. Undefined where no factor does more than chance: such a map would show the noise of the network.
 */
export function truthMap(
  effects: Effects | undefined,
  spatial: readonly number[],
  unknown = 'nothing is known by intervention: the data has no factors to switch off',
): Tensor | Undefined {
  if (!effects) return undefinedBecause(unknown);
  const local = effects.factors.filter(f => f.region);
  if (!local.some(({ effect }) => Math.abs(effect) > effects.threshold)) {
    return undefinedBecause('no factor that a map can show does more to the score than chance');
  }
  const map = tensor(spatial);
  for (const { region, effect } of local) {
    if (!region) continue;
    const area = region.data.reduce((sum, v) => sum + v, 0);
    region.data.forEach((inside, p) => {
      if (inside === 1) map.data[p]! += effect / area;
    });
  }
  return map;
}
