import { read } from '../../graph/graph.ts';
import { addAt, cornersOf, cubicTaps, linearTaps, nearestTap, type Padding, readAt } from '../between-pixels.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

const TAPS = { nearest: nearestTap, linear: linearTaps, cubic: cubicTaps };

/** What the node puts outside of the image. */
function paddingOf(site: Site, corners: boolean): Padding {
  const mode = read.string(site.node, 'padding_mode', 'zeros');
  if (mode === 'reflection') return { mode, corners };
  return mode === 'zeros' || mode === 'border' ? { mode } : site.fail(`padding '${mode}' has no rule`);
}

/**
 * y = the image or volume read between its pixels at places given by a grid in −1…1 (Jaderberg et al. 2015, equations 6
 * and 7): g added up at the pixels with their weights; for the grid, the pixels times the weights' derivatives.
 */
export const gridSample = defineRule('GridSample', site => {
  const { e, node } = site;
  const mode = read.string(node, 'mode', 'linear');
  const tapsOf = TAPS[mode as keyof typeof TAPS] ?? site.fail(`mode '${mode}' has no rule`);
  const whole = read.int(node, 'align_corners', 0) !== 0;
  const [channels, ...sizes] = site.sizes(site.x(), 1) as [number, ...number[]];
  const [batch] = site.dims(site.y()) as [number | null];
  const places = site.sizes(site.y(), 2);
  const points = volume(places);
  const factors = sizes.map(size => (whole ? (size - 1) / 2 : size / 2));
  // A place says x first, an image has it last.
  const taps = factors.map((factor, i) => {
    const at = sizes.length - 1 - i;
    const along = e.slice(site.x(1), [places.length + 1], [at], [at + 1]);
    const flat = e.reshape(along, [batch, 1, points], [batch, ...places, 1]);
    return tapsOf(e, e.add(e.mul(flat, factor), whole ? factor : factor - 0.5));
  });
  const corners = cornersOf(e, sizes, taps, paddingOf(site, whole));
  const g = e.reshape(site.g, [batch, channels, points], site.dims(site.y()));
  const flatImage = (x: string) => e.reshape(x, [batch, channels, volume(sizes)], site.dims(site.x()));
  return [
    () => {
      const added = addAt(e, flatImage(site.zeros(site.x())), corners, g, 3);
      return e.reshape(added, [batch, channels, ...sizes], [batch, channels, volume(sizes)]);
    },
    () => {
      if (mode === 'nearest') return undefined;
      const pixels = flatImage(site.x());
      const parts = factors.map((factor, i) => {
        const slope = readAt(e, pixels, corners, g, 3, corner => corner.slopes[i])!;
        const sum = e.mul(e.sum(e.mul(g, slope), [1]), factor);
        return e.reshape(sum, [batch, ...places, 1], [batch, 1, points]);
      });
      return e.concat(parts.toReversed(), places.length + 1);
    },
  ];
});

function volume(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}
