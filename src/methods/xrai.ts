import { z } from 'zod';
import { type ExplainContext, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { dilatedSegments, felzenszwalb, toUnitRange } from '../core/image/felzenszwalb.ts';
import { resizeBilinear, resizeNearest } from '../core/image/resize.ts';
import { gaussLegendre } from '../core/linear/quadrature.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';
import { scoreOption } from './shared/options.ts';
import { straightPathMap } from './shared/path.ts';

const options = z.strictObject({
  score: scoreOption('margin'),
  steps: z.int().min(1).max(10_000).default(100).describe('points on each of the two paths of integrated gradients'),
  scales: z
    .array(z.number().positive())
    .min(1)
    .default([50, 100, 150, 250, 500, 1200])
    .describe("scales of Felzenszwalb's segmentation, small to large segments"),
  sigma: z.number().min(0).default(0.8).describe('Gaussian smoothing before segmenting, pixels'),
  minSize: z.int().min(1).default(150).describe('smaller segments join a neighbour, pixels'),
  side: z.int().min(8).max(4096).default(224).describe('the image is segmented at this size along each side'),
  dilation: z.number().min(0).default(5).describe("segments are widened by this radius, pixels of the model's grid"),
  minPixels: z.int().min(1).default(50).describe('a segment that adds fewer pixels is left out'),
});

type Options = z.output<typeof options>;

/**
 * XRAI: segments of several sizes, which may overlap, are taken one after the other, the one with the highest mean
 * attribution on its new pixels first; these show that mean (Kapishnikov et al. 2019, algorithm 1). The attribution is
 * integrated gradients averaged over two constant baselines, the image's lowest and highest value, channels summed.
 *
 * The segments, and with them the map, hang on small things: PAIR's own map changes as much as a map can when the image
 * is enlarged bilinearly, as here, and not by a cubic spline, before it is segmented.
 *
 * Undefined for a constant image, which has no segments.
 */
export const xrai = defineExplainer({
  name: 'xrai',
  title: 'XRAI',
  summary: 'Segments ranked by the integrated gradients within them.',
  advice:
    'For readers who prefer regions to pixels; the regions depend on the segmentation more than the ranking does.',
  cite: 'Kapishnikov et al. 2019, arXiv:1906.02825',
  kind: 'ranking',
  requires: ['gradients'],
  options,
  presets: { pair: { options: { score: 'logit' } } },
  checks: { options: { steps: 20, side: 32, minSize: 8, dilation: 1, minPixels: 3 } },
  cost: ({ steps }) => ({ forward: 2 * steps, backward: 2 * steps }),
  spend(passes, o) {
    const steps = Math.min(10_000, Math.floor(passes / 4));
    return steps < 1 ? undefined : { ...o, steps };
  },

  async explain(context) {
    const { image, options: o } = context;
    const regions = await sharedRegions(context);
    if (regions === null) return undefinedBecause('the image is constant, so that it has no segments');
    const [low, high] = image.data.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
    const attribution = tensor(image.shape.slice(0, -1));
    for (const value of [low, high]) {
      const baseline = { shape: image.shape, data: new Float32Array(image.data.length).fill(value) };
      const { data } = await straightPathMap(context, { baseline, score: o.score, ...gaussLegendre(o.steps) });
      data.forEach((v, p) => {
        attribution.data[p]! += v / 2;
      });
    }
    const { map, taken } = byDensity(attribution, regions, o.minPixels);
    return { map, diagnostics: { segments: regions.length, taken } };
  },
});

/** Pixels of all segments of all scales, computed once for all explainers that ask for the same; null: none. */
function sharedRegions({ view, memo, options }: ExplainContext<readonly ['gradients'], Options>) {
  const { scales, sigma, minSize, side, dilation } = options;
  const key = JSON.stringify({ scales, sigma, minSize, side, dilation });
  return memo(`felzenszwalb ${fingerprint(view)} ${key}`, async () => overlappingRegions(view, options));
}

/** Segments of the view [h, w] at every scale, widened, as lists of pixels; null for a constant view. */
export function overlappingRegions(view: Tensor, o: Omit<Options, 'score' | 'steps' | 'minPixels'>) {
  const spatial = planar(view.shape);
  const square = [o.side, o.side] as const;
  const unit = toUnitRange(view);
  if (unit === null) return null;
  const same = spatial[0] === o.side && spatial[1] === o.side;
  const enlarged = same ? unit : resizeBilinear(unit, square, { antialias: true });
  return o.scales.flatMap(scale => {
    const { labels, count } = felzenszwalb(enlarged, { scale, sigma: o.sigma, minSize: o.minSize });
    const back = same ? labels : resizeNearest(tensor(square, Float32Array.from(labels)), spatial).data;
    return dilatedSegments({ labels: Int32Array.from(back), shape: spatial, count }, o.dilation);
  });
}

/**
 * Regions taken greedily by the mean of `attribution` over the pixels that they add, which then show that mean; regions
 * that add fewer than `minPixels` are left out, and what no region covers shows its own mean.
 * @param regions Pixels of each region; of equals, the first wins.
 */
export function byDensity(
  { shape, data }: Tensor,
  regions: readonly Int32Array[],
  minPixels: number,
): { readonly map: Tensor; readonly taken: number } {
  const map = tensor(shape);
  const open = new Uint8Array(data.length).fill(1);
  const holders: number[][] = Array.from({ length: data.length }, () => []);
  const added = Float64Array.from(regions, pixels => pixels.length);
  const sums = Float64Array.from(regions, (pixels, r) => {
    for (const p of pixels) holders[p]!.push(r);
    return pixels.reduce((sum, p) => sum + data[p]!, 0);
  });
  const cover = (pixels: Iterable<number>, value: number) => {
    for (const p of pixels) {
      if (open[p] === 0) continue;
      open[p] = 0;
      map.data[p] = value;
      for (const r of holders[p]!) {
        added[r]!--;
        sums[r]! -= data[p]!;
      }
    }
  };
  const left = new Set(regions.keys());
  let taken = 0;
  for (;;) {
    let best = -1;
    for (const r of left) {
      if (added[r]! < minPixels) left.delete(r);
      else if (best < 0 || sums[r]! / added[r]! > sums[best]! / added[best]!) best = r;
    }
    if (best < 0) break;
    cover(regions[best]!, sums[best]! / added[best]!);
    left.delete(best);
    taken++;
  }
  const rest = Array.from(data.keys()).filter(p => open[p] === 1);
  cover(rest, rest.reduce((sum, p) => sum + data[p]!, 0) / rest.length);
  return { map, taken };
}
