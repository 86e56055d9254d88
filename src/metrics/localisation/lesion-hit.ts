import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { componentsOf } from '../../core/image/components.ts';
import { distanceTo } from '../../core/image/distance.ts';
import { quantise } from '../../core/perturbation/order.ts';
import { planar, type Tensor, tensor } from '../../core/tensor.ts';
import { countWhere, inside, locate } from './shared/ground-truth.ts';

/** Diameters, mm, of a disc as large as a lesion, between small, middle-sized and large ones. */
const SIZES = [10, 30] as const;

/**
 * The share of the lesions (connected parts of the mask) that the map's peaks find before more than `falsePeaks` peaks
 * have missed: a point of the free-response ROC (Bunch et al. 1978), one image at a time. A peak is the largest value
 * within `radius` of itself, at least `least` of the largest; it finds the lesions within `radius`. Peaks are taken from
 * the highest down. By chance: points of the body drawn at random until one more than `falsePeaks` has missed.
 *
 * Details: `lesions`, `peaks`, `falsePeaks`, and the shares found of the lesions as large as a disc of under 10 mm,
 * `small`; of under 30 mm, `middle`; and of more, `large`.
 */
export const lesionHit = defineMetric({
  name: 'lesion-hit',
  title: 'Lesions hit',
  summary: 'Share of the lesions that the peaks of the map find, at one false peak.',
  cite: 'our own, after free-response ROC: Bunch et al. 1978, doi:10.1117/12.955926',
  category: 'localisation',
  better: 'higher',
  range: [0, 1],
  chance: 'image',
  undefinedWhen: 'the spacing is unknown, the map has no positive value, or the mask is empty or as large as the body',
  criticism:
    'Plausibility, not faithfulness: a model need not use every lesion, and a right map of it then misses some. Lesions ' +
    'that touch count as one.',
  criticismSource: 'Jacovi & Goldberg 2020, arXiv:2004.03685',
  needs: ['mask'],
  options: z.strictObject({
    radius: z.number().positive().default(10).describe('distance, mm, within which a peak finds a lesion'),
    least: z.number().min(0).max(1).default(0.2).describe('share of the largest value that a peak has at least'),
    falsePeaks: z.int().min(0).max(100).default(1).describe('peaks that may miss before no more are taken'),
  }),
  checks: { options: { radius: 3 } },
  async evaluate(context) {
    const { attribution, spacing, options } = context;
    if (spacing === undefined) return undefinedBecause('the spacing of pixels is unknown');
    const located = locate(context);
    if (isUndefined(located)) return located;
    if (!attribution.data.some(v => v > 0)) return undefinedBecause('the map has no positive value');
    const grid = planar(spacing);
    const { shape } = located.mask;
    const lesions = componentsOf(located.mask).map(pixels => {
      const alone = tensor(shape);
      for (const i of pixels) alone.data[i] = 1;
      return { pixels: pixels.length, distance: distanceTo(alone, grid), found: false };
    });
    const peaks = peaksFrom(attribution, grid, options);
    let missed = 0;
    for (const peak of peaks) {
      const near = lesions.filter(l => l.distance[peak]! <= options.radius);
      if (near.length === 0 && ++missed > options.falsePeaks) break;
      for (const lesion of near) lesion.found = true;
    }
    const body = (test: (i: number) => boolean) =>
      countWhere(located.body.data.length, i => inside(located.body.data[i]!) && test(i));
    const outside = body(i => lesions.every(l => l.distance[i]! > options.radius));
    const byChance = lesions.map(l => {
      const hit = body(i => l.distance[i]! <= options.radius);
      return 1 - (outside / (outside + hit)) ** (options.falsePeaks + 1);
    });
    if (outside === 0) return undefinedBecause('every point of the body finds a lesion');
    const share = (list: typeof lesions) => list.filter(l => l.found).length / list.length;
    const diameter = (pixels: number) => 2 * Math.sqrt((pixels * grid[0] * grid[1]) / Math.PI);
    const sizes = Object.entries({
      small: lesions.filter(l => diameter(l.pixels) < SIZES[0]),
      middle: lesions.filter(l => diameter(l.pixels) >= SIZES[0] && diameter(l.pixels) < SIZES[1]),
      large: lesions.filter(l => diameter(l.pixels) >= SIZES[1]),
    });
    return {
      value: share(lesions),
      chance: byChance.reduce((a, b) => a + b, 0) / lesions.length,
      details: {
        lesions: lesions.length,
        peaks: peaks.length,
        falsePeaks: Math.min(missed, options.falsePeaks),
        ...Object.fromEntries(sizes.filter(([, list]) => list.length > 0).map(([name, list]) => [name, share(list)])),
      },
    };
  },
});

/** Pixels that are the first of the largest within the radius, from the highest down; a plateau has one peak. */
function peaksFrom(
  map: Tensor,
  [dy, dx]: readonly [number, number],
  { radius, least }: { readonly radius: number; readonly least: number },
): number[] {
  const [height, width] = planar(map.shape);
  const keys = quantise(map.data);
  const largest = keys.reduce((a, b) => Math.max(a, b));
  const candidates = [...keys.keys()].filter(i => keys[i]! > 0 && keys[i]! >= least * largest);
  candidates.sort((a, b) => keys[b]! - keys[a]! || a - b);
  const covered = new Uint8Array(keys.length);
  const peaks: number[] = [];
  const [rows, columns] = [Math.floor(radius / dy), Math.floor(radius / dx)];
  for (const i of candidates) {
    if (covered[i]) continue;
    peaks.push(i);
    const [y, x] = [Math.floor(i / width), i % width];
    for (let yy = Math.max(0, y - rows); yy <= Math.min(height - 1, y + rows); yy++) {
      for (let xx = Math.max(0, x - columns); xx <= Math.min(width - 1, x + columns); xx++) {
        if (Math.hypot((yy - y) * dy, (xx - x) * dx) <= radius) covered[yy * width + xx] = 1;
      }
    }
  }
  return peaks;
}
