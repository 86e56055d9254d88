import type { Tensor } from '../../core/tensor.ts';

/** The border of a mask [h, w] as the path of an SVG whose units are pixels: runs of edges, along rows and columns. */
export function outlinePath({ shape, data }: Tensor): string {
  const [height, width] = [shape[0] ?? 0, shape[1] ?? 0];
  const on = (r: number, c: number) => r >= 0 && c >= 0 && r < height && c < width && data[r * width + c]! > 0.5;
  let path = '';
  for (let r = 0; r <= height; r++) {
    path += runs(
      width,
      c => on(r - 1, c) !== on(r, c),
      (from, to) => `M${from} ${r}H${to}`,
    );
  }
  for (let c = 0; c <= width; c++) {
    path += runs(
      height,
      r => on(r, c - 1) !== on(r, c),
      (from, to) => `M${c} ${from}V${to}`,
    );
  }
  return path;
}

function runs(length: number, has: (i: number) => boolean, draw: (from: number, to: number) => string): string {
  let out = '';
  let from = -1;
  for (let i = 0; i <= length; i++) {
    const here = i < length && has(i);
    if (here && from < 0) from = i;
    if (!here && from >= 0) {
      out += draw(from, i);
      from = -1;
    }
  }
  return out;
}
