import { attr, DType, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** What the samples of all regions read along one axis of the image. */
interface Axis {
  /** Where each sample lies: [regions, cells, samples], clipped to the image. */
  readonly place: string;
  /** How far through its region each sample lies, in cells. */
  readonly along: string;
  /** 1 for samples that don't lie outside of the image. */
  readonly inside: string;
  /** The same, and 0 for samples that only fill up the list of a region with fewer than another. */
  readonly counted: string;
  /** 1 where the place moves with the region. */
  readonly moves: string;
  /** 1 where a region's size counts; 0 where it is taken as 1. */
  readonly sized: string | undefined;
  /** 1 / the number of a cell's samples: [regions, 1, 1]. */
  readonly share: string;
}

/** The regions along an axis of the image: `first` and `last` are the columns of their bounds. */
function axisOf(site: Site, [first, last]: readonly [number, number], size: number, cells: number): Axis {
  const { e, node } = site;
  const half = read.string(node, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
  const ratio = read.int(node, 'sampling_ratio', 0);
  const scale = read.float(node, 'spatial_scale', 1);
  const bound = (i: number) => {
    const scaled = e.mul(e.unsqueeze(e.slice(site.x(1), [1], [i], [i + 1]), [2]), scale);
    return half ? e.sub(scaled, 0.5) : scaled;
  };
  const start = bound(first);
  const full = e.sub(bound(last), start);
  const extent = half ? full : e.op('Max', [full, 1]);
  const cell = e.div(extent, cells);
  const count = ratio > 0 ? e.filledLike(cell, ratio) : e.op('Max', [e.op('Ceil', [cell]), 0]);
  const most = e.op('ReduceMax', [count], { keepdims: attr.int(0) });
  const all = e.op('Range', [0, e.op('Max', [most, 1]), 1]);
  const samples = e.op('Min', [all, e.sub(count, 1)]);
  const share = e.op('Reciprocal', [e.op('Max', [count, 1])]);
  const rows = e.constant(
    [cells, 1],
    Array.from({ length: cells }, (_, i) => i),
  );
  const along = e.add(rows, e.mul(e.add(samples, 0.5), share));
  const place = e.add(start, e.mul(along, cell));
  const within = e.and(e.greater(place, -1), e.less(place, size));
  const inside = e.and(within, e.greater(count, 0));
  return {
    place: e.op('Min', [e.op('Max', [place, 0]), size - 1]),
    along,
    inside: e.cast(inside),
    counted: e.cast(e.and(inside, e.less(all, count))),
    moves: e.cast(e.and(e.greater(place, 0), e.less(place, size - 1))),
    sized: half ? undefined : e.cast(e.greater(full, 1)),
    share,
  };
}

/** From samples to pixels: [regions, cells, samples, 1] − [size]. */
function distances(site: Site, { place }: Axis, size: number): string {
  const { e } = site;
  const pixels = e.constant(
    [size],
    Array.from({ length: size }, (_, i) => i),
  );
  return e.sub(e.unsqueeze(place, [3]), pixels);
}

/** The weight of each pixel in each cell, [regions, 1, cells, size]: averages over samples between two pixels each. */
function weightsOf(site: Site, axis: Axis, size: number): string {
  const { e } = site;
  const hat = e.op('Max', [e.sub(1, e.abs(distances(site, axis, size))), 0]);
  const shares = e.unsqueeze(e.mul(axis.counted, axis.share), [3]);
  return e.unsqueeze(e.sum(e.mul(hat, shares), [2], false), [1]);
}

/** From the gradient of an axis' weights, [regions, cells, size], those of its regions' bounds, [regions, 1] each. */
function boundGradients(site: Site, axis: Axis, size: number, cells: number, g: string): [first: string, last: string] {
  const { e } = site;
  const distance = distances(site, axis, size);
  const near = e.cast(e.less(e.abs(distance), 1));
  const slope = e.mul(e.neg(e.sign(distance)), near);
  const perSample = e.sum(e.mul(slope, e.unsqueeze(g, [2])), [3], false);
  const factor = e.mul(e.mul(axis.counted, axis.share), axis.moves);
  const moved = e.mul(e.mul(perSample, factor), read.float(site.node, 'spatial_scale', 1));
  let through = e.div(axis.along, cells);
  if (axis.sized !== undefined) through = e.mul(through, axis.sized);
  const last = e.sum(e.mul(moved, through), [1, 2], false);
  const both = e.sum(moved, [1, 2], false);
  return [e.unsqueeze(e.sub(both, last), [1]), e.unsqueeze(last, [1])];
}

/** `parts`, [regions, …image], added up on the images that the regions lie on. */
function onImages(site: Site, parts: string): string {
  const { e } = site;
  const images = e.unsqueeze(e.cast(site.x(2), DType.int64), [1]);
  return e.op('ScatterND', [site.zeros(site.x()), images, parts], { reduction: attr.string('add') });
}

/** The two pixels about each sample of an axis and their weights, [regions, cells, samples]. */
function pairOf(site: Site, axis: Axis, size: number): readonly { at: string; weight: string }[] {
  const { e } = site;
  const low = e.op('Floor', [axis.place]);
  const rest = e.sub(axis.place, low);
  return [
    { at: low, weight: e.mul(e.sub(1, rest), axis.inside) },
    { at: e.op('Min', [e.add(low, 1), size - 1]), weight: e.mul(rest, axis.inside) },
  ];
}

/** ONNX Runtime takes the largest product of a pixel and its weight, over all samples of a cell: g goes there. */
function ofMaxima(site: Site, y: Axis, x: Axis): string {
  const { e, g } = site;
  const [channels, height, width] = site.sizes(site.x(), 1) as [number, number, number];
  const [rows, columns] = site.sizes(site.y(), 2) as [number, number];
  const regions = site.dims(site.y())[0]!;
  const cells = rows * columns;
  const to = (t: string, dims: readonly number[]) => e.op('Reshape', [t, e.ints(dims)]);
  const corners = pairOf(site, y, height).flatMap(v =>
    pairOf(site, x, width).map(h => {
      // [regions, rows, columns, samples down, samples across] → [regions, cells, samples]
      const [v1, h1] = [(t: string) => e.unsqueeze(t, [2, 4]), (t: string) => e.unsqueeze(t, [1, 3])];
      const at = e.add(e.mul(v1(v.at), width), h1(h.at));
      return { at: to(at, [0, cells, -1]), weight: to(e.mul(v1(v.weight), h1(h.weight)), [0, cells, -1]) };
    }),
  );
  const joined = (key: 'at' | 'weight') =>
    e.concat(
      corners.map(corner => corner[key]),
      2,
    );
  const [at, weight] = [e.cast(joined('at'), DType.int64), joined('weight')];
  const image = e.op('Gather', [site.x(), site.x(2)], { axis: attr.int(0) });
  const flat = to(image, [0, channels, height * width]);
  /** [regions, cells, samples] for each channel */
  const perChannel = (t: string) => e.op('Expand', [e.unsqueeze(t, [1]), e.ints([1, channels, 1, 1])]);
  const picked = e.op('GatherElements', [flat, to(perChannel(at), [0, channels, -1])], { axis: attr.int(2) });
  const products = e.mul(to(picked, [0, channels, cells, -1]), e.unsqueeze(weight, [1]));
  const best = e.op('ArgMax', [products], { axis: attr.int(3) });
  const atBest = (t: string) => e.squeeze(e.op('GatherElements', [perChannel(t), best], { axis: attr.int(3) }), [3]);
  const share = e.mul(e.reshape(g, [regions, channels, cells], site.dims(site.y())), atBest(weight));
  const parts = e.op('ScatterElements', [e.filledLike(flat), atBest(at), share], {
    axis: attr.int(2),
    reduction: attr.string('add'),
  });
  return onImages(site, to(parts, [0, channels, height, width]));
}

/**
 * y_r = averages over the cells of a region r of an image, each of samples between pixels (He et al. 2017,
 * arXiv:1703.06870): two matrices of weights, one for each axis; or the largest value of a cell.
 */
export const roiAlign = defineRule('RoiAlign', site => {
  const { e, g } = site;
  const [height, width] = site.sizes(site.x(), 2) as [number, number];
  const [rows, columns] = site.sizes(site.y(), 2) as [number, number];
  const y = axisOf(site, [1, 3], height, rows);
  const x = axisOf(site, [0, 2], width, columns);
  if (read.string(site.node, 'mode', 'avg') === 'max') return [() => ofMaxima(site, y, x), null, null];
  const [down, across] = [weightsOf(site, y, height), weightsOf(site, x, width)];
  const turned = (t: string) => e.transpose(t, [0, 1, 3, 2]);
  return [
    () => onImages(site, e.matmul(e.matmul(turned(down), g), across)),
    () => {
      const image = e.op('Gather', [site.x(), site.x(2)], { axis: attr.int(0) });
      const ofDown = e.matmul(g, turned(e.matmul(image, turned(across))));
      const ofAcross = e.matmul(turned(g), e.matmul(down, image));
      const [top, bottom] = boundGradients(site, y, height, rows, e.sum(ofDown, [1], false));
      const [left, right] = boundGradients(site, x, width, columns, e.sum(ofAcross, [1], false));
      return e.concat([left, top, right, bottom], 1);
    },
    null,
  ];
});
