import { sameShape, type Tensor } from './tensor.ts';

export interface Sameness {
  /** Largest difference that counts as none, once both maps are scaled to a largest absolute value of 1. */
  readonly tolerance?: number;
  /** Maps that differ by a constant besides count as the same too. Default: false. */
  readonly shifted?: boolean;
}

/**
 * Whether two signed maps are one map up to a positive factor (and with `shifted` up to a constant). Maps that are zero
 * everywhere, or not finite, are like none.
 */
export function sameMap(a: Tensor, b: Tensor, { tolerance = 1e-5, shifted = false }: Sameness = {}): boolean {
  if (!sameShape(a.shape, b.shape)) return false;
  const [x, y] = [normalised(a, shifted), normalised(b, shifted)];
  return x !== undefined && y !== undefined && x.every((v, i) => Math.abs(v - y[i]!) <= tolerance);
}

function normalised({ data }: Tensor, shifted: boolean): Float64Array | undefined {
  const centre = shifted ? data.reduce((sum, v) => sum + v / data.length, 0) : 0;
  const largest = data.reduce((max, v) => Math.max(max, Math.abs(v - centre)), 0);
  if (!(largest > 0 && Number.isFinite(largest))) return undefined;
  return Float64Array.from(data, v => (v - centre) / largest);
}

/**
 * Explainers that are one explainer on a model: on every image where both have a layer map, and on one at least, it is
 * the same map.
 * @param images For each image, the signed layer maps by the explainer's name.
 * @returns Groups of two names or more, each in the order in which the names appear.
 */
export function sameExplainers(
  images: readonly ReadonlyMap<string, Tensor>[],
  sameness: Sameness = {},
): readonly (readonly string[])[] {
  const names = [...new Set(images.flatMap(maps => [...maps.keys()]))];
  const groups: string[][] = [];
  for (const name of names) {
    const group = groups.find(([first]) => sameEverywhere(images, first!, name, sameness));
    if (group) group.push(name);
    else groups.push([name]);
  }
  return groups.filter(group => group.length > 1);
}

function sameEverywhere(
  images: readonly ReadonlyMap<string, Tensor>[],
  a: string,
  b: string,
  sameness: Sameness,
): boolean {
  const pairs = images.flatMap(maps => {
    const [x, y] = [maps.get(a), maps.get(b)];
    return x && y ? [[x, y] as const] : [];
  });
  return pairs.length > 0 && pairs.every(([x, y]) => sameMap(x, y, sameness));
}
