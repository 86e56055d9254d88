import { read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/**
 * y = the places of a grid, turned and shifted by θ: θ·(x, y, 1) for each place of the output image, in −1…1. Linear in θ:
 * the places, transposed, times g.
 */
export const affineGrid = defineRule('AffineGrid', site => {
  const { e } = site;
  return [
    () => {
      const sizes = site.sizes(site.y(), 1).slice(0, -1);
      const [batch] = site.dims(site.y()) as [number | null];
      const whole = read.int(site.node, 'align_corners', 0) !== 0;
      const points = sizes.reduce((a, b) => a * b, 1);
      const width = sizes.length + 1;
      const places = new Float64Array(width * points).fill(1);
      for (const [axis, size] of sizes.entries()) {
        const stride = sizes.slice(axis + 1).reduce((a, b) => a * b, 1);
        for (let point = 0; point < points; point++) {
          const at = Math.floor(point / stride) % size;
          // ONNX Runtime puts a single place at 1.
          const place = whole ? (size === 1 ? 1 : (2 * at) / (size - 1) - 1) : (2 * at + 1) / size - 1;
          // θ takes x first, the image has it last.
          places[(sizes.length - 1 - axis) * points + point] = place;
        }
      }
      const g = e.reshape(site.g, [batch, points, sizes.length], site.dims(site.y()));
      return e.transpose(e.matmul(e.constant([width, points], places), g), [0, 2, 1]);
    },
  ];
});
