/** Where |Δ| is larger than this, in HU, a factor is there. */
const LEAST_CHANGE = 10;
/** A region holds this share of Σ|Δ|. */
const LEAST_SHARE = 0.95;
/** A factor that needs more of the image than this can't be localised (brightness, a kernel). */
const MOST_AREA = 0.5;

/**
 * Where a factor is: |Δ| > 10 HU, grown by the pixels of largest |Δ| until it holds 95 % of Σ|Δ|; undefined where that
 * is nothing, or more than half of the image.
 * @param change Δ of switching the factor off, HU, pixel by pixel.
 * @returns 1 inside, 0 outside
 */
export function regionOf(change: ArrayLike<number>): Float32Array | undefined {
  const size = Float32Array.from(change, Math.abs);
  const total = size.reduce((a, b) => a + b, 0);
  if (total === 0) return undefined;
  const order = Array.from(size.keys()).sort((a, b) => size[b]! - size[a]!);
  const region = new Float32Array(size.length);
  let [held, area] = [0, 0];
  for (const p of order) {
    if (size[p]! <= LEAST_CHANGE && held >= LEAST_SHARE * total) break;
    region[p] = 1;
    held += size[p]!;
    area++;
  }
  return area > MOST_AREA * size.length ? undefined : region;
}

/** Factors whose regions share a pixel, together; a factor without a region is alone. In the order of their first. */
export function overlapping(regions: readonly (ArrayLike<number> | undefined)[]): number[][] {
  const group = regions.map((_, j) => j);
  for (let a = 0; a < regions.length; a++) {
    for (let b = a + 1; b < regions.length; b++) {
      if (group[a] === group[b] || !meet(regions[a], regions[b])) continue;
      const [kept, gone] = [Math.min(group[a]!, group[b]!), Math.max(group[a]!, group[b]!)];
      for (let j = 0; j < group.length; j++) if (group[j] === gone) group[j] = kept;
    }
  }
  return [...new Set(group)].map(g => group.flatMap((of, j) => (of === g ? [j] : [])));
}

function meet(a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined): boolean {
  if (!a || !b) return false;
  for (let p = 0; p < a.length; p++) if (a[p] === 1 && b[p] === 1) return true;
  return false;
}
