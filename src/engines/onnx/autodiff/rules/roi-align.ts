import { attr, constant, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/**
 * y_r = averages over the cells of a fixed region r of an image: linear, so g times the transposed matrix of the region's
 * weights, added up on the region's image.
 */
export const roiAlign = defineRule('RoiAlign', site => {
  const { e, g } = site;
  return [
    () => {
      const regions = site.numbers(1)!;
      const images = site.numbers(2)!;
      if (read.string(site.node, 'mode', 'avg') !== 'avg') site.fail('it takes maxima');
      const [channels, height, width] = site.sizes(site.x(), 1) as [number, number, number];
      const cells = site.size(site.y(), 2) * site.size(site.y(), 3);
      const weights = new Float64Array(images.length * cells * height * width);
      for (const r of images.keys())
        weigh(site, regions.slice(4 * r, 4 * r + 4), weights.subarray(r * cells * height * width));
      const rows = e.reshape(g, [images.length, channels, cells]);
      const spread = e.matmul(rows, e.constant([images.length, cells, height * width], weights));
      const parts = e.reshape(spread, [images.length, channels, height, width]);
      const shape = e.shapeOf(parts);
      const at = e.op('Expand', [e.builder.constant(constant.int64([images.length, 1, 1, 1], images)), shape]);
      const add = { axis: attr.int(0), reduction: attr.string('add') };
      return e.op('ScatterElements', [site.zeros(site.x()), at, parts], add);
    },
  ];
});

/** Writes the weight of each pixel in each cell, [cells, height · width], as ONNX Runtime samples it. */
function weigh(site: Site, region: readonly number[], out: Float64Array): void {
  const { node } = site;
  const [, height, width] = site.sizes(site.x(), 1) as [number, number, number];
  const [rows, columns] = [site.size(site.y(), 2), site.size(site.y(), 3)];
  const scale = read.float(node, 'spatial_scale', 1);
  const half = read.string(node, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
  const ratio = read.int(node, 'sampling_ratio', 0);
  const [x0, y0, x1, y1] = region.map(v => v * scale - (half ? 0.5 : 0)) as [number, number, number, number];
  const extent = (from: number, to: number) => (half ? to - from : Math.max(to - from, 1));
  const [cellHeight, cellWidth] = [extent(y0, y1) / rows, extent(x0, x1) / columns];
  const [down, across] = [cellHeight, cellWidth].map(size => (ratio > 0 ? ratio : Math.max(1, Math.ceil(size)))) as [
    number,
    number,
  ];
  for (let cell = 0; cell < rows * columns; cell++) {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    for (let sample = 0; sample < down * across; sample++) {
      const y = linear(y0 + (row + (Math.floor(sample / across) + 0.5) / down) * cellHeight, height);
      const x = linear(x0 + (column + ((sample % across) + 0.5) / across) * cellWidth, width);
      for (const [i, v] of y) {
        for (const [j, w] of x) out[(cell * height + i) * width + j]! += (v * w) / (down * across);
      }
    }
  }
}

/** The pixels at a place between them, and their weights; none outside of the image. */
function linear(place: number, size: number): readonly (readonly [pixel: number, weight: number])[] {
  if (place < -1 || place > size) return [];
  const at = Math.max(place, 0);
  const low = Math.floor(at);
  return low >= size - 1
    ? [[size - 1, 1]]
    : [
        [low, 1 - at + low],
        [low + 1, at - low],
      ];
}
