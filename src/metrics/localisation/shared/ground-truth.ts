import type { ImageContext, Undefined } from '../../../core/contracts/index.ts';
import { undefinedBecause } from '../../../core/contracts/index.ts';
import { bodyMask } from '../../../core/image/body.ts';
import { type Tensor, tensor } from '../../../core/tensor.ts';

export interface Located {
  readonly mask: Tensor;
  /** [h, w] of 0 and 1: where the patient is; holds the mask. */
  readonly body: Tensor;
  /** The mask's share of the body, between 0 and 1: what an even map has in the mask. */
  readonly share: number;
}

/** Mask and body of an image that can be scored, and the mask's share of the body. */
export function locate(context: ImageContext & { attribution: Tensor; mask?: Tensor }): Located | Undefined {
  const { mask, view } = context;
  if (mask === undefined) return undefinedBecause('there is no mask');
  if (!mask.data.some(inside)) return undefinedBecause('the mask is empty');
  const found = bodyMask(view);
  const body = tensor(
    found.shape,
    found.data.map((v, i) => (inside(mask.data[i]!) ? 1 : v)),
  );
  const area = (map: Float32Array): number => countWhere(map.length, i => inside(map[i]!));
  const share = area(mask.data) / area(body.data);
  if (share === 1) return undefinedBecause('the mask is as large as the body');
  return { mask, body, share };
}

export function inside(value: number): boolean {
  return value >= 0.5;
}

/**
 * A share of 0 … 1 as a value of its own, or as the skill beyond chance, (v − c) / (1 − c): 1 at best, 0 by chance.
 * @param chance what an even or a random map has, below 1
 */
export function skillOf(
  share: number,
  chance: number,
  asSkill: boolean,
): { value: number; chance: number; skill: number } {
  const skill = (share - chance) / (1 - chance);
  return { value: asSkill ? skill : share, chance: asSkill ? 0 : chance, skill };
}

/** Number of pixels for which `test` holds. */
export function countWhere(size: number, test: (i: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < size; i++) if (test(i)) count++;
  return count;
}
