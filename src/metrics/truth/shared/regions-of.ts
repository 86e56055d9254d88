import { type Effects, type FactorEffect, type Undefined, undefinedBecause } from '../../../core/contracts/index.ts';
import { distanceTo } from '../../../core/image/distance.ts';
import { tensor } from '../../../core/tensor.ts';

/** A factor that lies somewhere. */
export type LocalFactor = FactorEffect & Required<Pick<FactorEffect, 'region'>>;

/** Effects with the factors that maps can be scored on, or why there are none. */
export function localFactors(
  effects: Effects | undefined,
): { readonly factors: readonly LocalFactor[]; readonly threshold: number } | Undefined {
  if (!effects) return undefinedBecause('nothing is known by intervention: the data has no factors to switch off');
  const factors = effects.factors.filter((f): f is LocalFactor => f.region !== undefined);
  if (factors.length === 0) return undefinedBecause('no factor lies in a region of its own');
  return { factors, threshold: effects.threshold };
}

/** Indices of a region's pixels. */
export function pixelsOf({ region }: LocalFactor): number[] {
  const pixels: number[] = [];
  region.data.forEach((v, p) => {
    if (v >= 0.5) pixels.push(p);
  });
  return pixels;
}

/** The `count` pixels of a region that lie deepest in it: a smaller region of much the same shape. */
export function deepest(factor: LocalFactor, count: number): number[] {
  const pixels = pixelsOf(factor);
  if (pixels.length <= count) return pixels;
  const outside = tensor(
    factor.region.shape,
    factor.region.data.map(v => 1 - v),
  );
  const depth = distanceTo(outside);
  return pixels.sort((a, b) => depth[b]! - depth[a]!).slice(0, count);
}

/** Σ|ΔHU| of switching a factor off, over pixels of its region. */
export function changeOver({ change, sizes, region }: LocalFactor, pixels: readonly number[]): number {
  if (sizes) return sumOver(sizes.data, pixels);
  return (change * pixels.length) / sumOver(region.data, [...region.data.keys()]);
}

export function sumOver(map: ArrayLike<number>, pixels: readonly number[]): number {
  let sum = 0;
  for (const p of pixels) sum += map[p]!;
  return sum;
}

/** 1 where the first is larger, ½ where they are equal but for rounding, else 0. */
export function winOf(first: number, second: number): number {
  if (Math.abs(first - second) <= 1e-6 * Math.max(Math.abs(first), Math.abs(second))) return 0.5;
  return first > second ? 1 : 0;
}
