import { read } from '../../graph/graph.ts';
import { addAt, cornersOf, linearTaps, readAt } from '../between-pixels.ts';
import { defineRule } from '../rule.ts';
import { windowOf } from '../window.ts';

/**
 * A convolution whose taps are shifted by offsets and weighted by a mask, both per place (Zhu et al. 2019,
 * arXiv:1811.11168): wᵀg added up at the pixels that each tap reads; for the offsets, those pixels times their weights'
 * derivatives; for the mask, what each tap reads.
 */
export const deformConv = defineRule('DeformConv', site => {
  const { e, node, g } = site;
  const [channels, ...sizes] = site.sizes(site.x(), 1) as [number, ...number[]];
  if (sizes.length !== 2) site.fail('it has other than two spatial axes');
  const [out, inner, ...kernel] = site.sizes(site.x(1)) as [number, number, ...number[]];
  const groups = read.int(node, 'group', 1);
  const shifts = read.int(node, 'offset_group', 1);
  const { strides, dilations, begins, output } = windowOf(site, kernel);
  const [batch] = site.dims(site.y()) as [number | null];
  const [taps, places] = [kernel[0]! * kernel[1]!, output[0]! * output[1]!];
  const points = taps * places;
  const per = channels / shifts;

  /** Where each tap of each place lies along an axis, before it is shifted: [1, 1, 1, points]. */
  const regular = (axis: 0 | 1) =>
    e.constant(
      [1, 1, 1, points],
      Float64Array.from({ length: points }, (_, i) => {
        const [tap, place] = [Math.floor(i / places), i % places];
        const [k, p] = [
          [Math.floor(tap / kernel[1]!), tap % kernel[1]!],
          [Math.floor(place / output[1]!), place % output[1]!],
        ] as const;
        return p[axis]! * strides[axis]! - begins[axis]! + k[axis]! * dilations[axis]!;
      }),
    );
  // Offsets: [n, shifts · taps · 2, …], y before x.
  const offsets = e.reshape(site.x(2), [batch, shifts * taps, 2, places], site.dims(site.x(2)));
  const along = ([0, 1] as const).map(axis => {
    const own = e.slice(offsets, [2], [axis], [axis + 1]);
    const flat = e.reshape(own, [batch, shifts, 1, points], [batch, shifts * taps, 1, places]);
    return linearTaps(e, e.add(flat, regular(axis)));
  });
  const corners = cornersOf(e, sizes, along, { mode: 'zeros' });
  const mask = site.has(4) ? e.reshape(site.x(4), [batch, shifts, 1, points], site.dims(site.x(4))) : undefined;

  const weights = e.reshape(site.x(1), [1, groups, out / groups, inner * taps]);
  const perGroup = e.reshape(g, [batch, groups, out / groups, places], site.dims(site.y()));
  const columns = e.reshape(
    e.matmul(e.transpose(weights, [0, 1, 3, 2]), perGroup),
    [batch, shifts, per, points],
    [batch, groups, inner * taps, places],
  );
  const masked = mask === undefined ? columns : e.mul(columns, mask);
  const flatImage = (x: string) => e.reshape(x, [batch, shifts, per, sizes[0]! * sizes[1]!], site.dims(site.x()));
  return [
    () => {
      const added = addAt(e, flatImage(site.zeros(site.x())), corners, masked, 4);
      return e.reshape(added, [batch, channels, ...sizes], [batch, shifts, per, sizes[0]! * sizes[1]!]);
    },
    null,
    () => {
      const pixels = flatImage(site.x());
      const parts = [0, 1].map(axis => {
        const slope = readAt(e, pixels, corners, columns, 4, corner => corner.slopes[axis])!;
        const sum = e.sum(e.mul(masked, slope), [2]);
        return e.reshape(sum, [batch, shifts * taps, 1, places], [batch, shifts, 1, points]);
      });
      return site.reshapeLike(e.concat(parts, 2), site.x(2), [batch, shifts * taps, 2, places]);
    },
    () => e.sum(g, [0, 2, 3], false),
    () => {
      const value = readAt(e, flatImage(site.x()), corners, columns, 4, corner => corner.weight)!;
      return site.reshapeLike(e.sum(e.mul(columns, value), [2]), site.x(4), [batch, shifts, 1, points]);
    },
  ];
});
