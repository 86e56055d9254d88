import type { Layout } from './layer-map.ts';

/** The dims of one image in a graph. */
export function imageDims({
  size,
  channels,
  layout,
}: {
  /** Rows and columns. */
  readonly size: readonly number[];
  readonly channels: number;
  readonly layout: Layout;
}): number[] {
  return layout === 'NCHW' ? [channels, ...size] : [...size, channels];
}

/** [h, w, c] → [c, h, w] */
export function toChannelsFirst(from: Float32Array, to: Float32Array, pixels: number, channels: number): void {
  for (let c = 0; c < channels; c++) {
    for (let p = 0, i = c * pixels; p < pixels; p++, i++) to[i] = from[p * channels + c]!;
  }
}

/** [c, h, w] → [h, w, c] */
export function toChannelsLast(from: Float32Array, to: Float32Array, pixels: number, channels: number): void {
  for (let c = 0; c < channels; c++) {
    for (let p = 0, i = c * pixels; p < pixels; p++, i++) to[p * channels + c] = from[i]!;
  }
}

/** One image of a tensor in the graph's layout, as [h, w, c]: a view where the layouts agree, else `scratch`. */
export function imageOf(
  data: Float32Array,
  i: number,
  shape: { readonly pixels: number; readonly channels: number; readonly layout: Layout },
  scratch: Float32Array,
): Float32Array {
  const { pixels, channels } = shape;
  const view = data.subarray(i * pixels * channels, (i + 1) * pixels * channels);
  if (shape.layout === 'NHWC' || channels === 1) return view;
  toChannelsLast(view, scratch, pixels, channels);
  return scratch;
}
