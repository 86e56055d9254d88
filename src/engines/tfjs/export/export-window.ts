import type { LayerWriter } from './export-context.ts';

export interface ExportWindow {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** [top, left, bottom, right] */
  readonly pads: readonly [number, number, number, number];
  /** Rows and columns of the output. */
  readonly size: readonly [number, number];
}

/** The same for rows and columns. */
export function along<T>(
  size: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  side: (size: number, kernel: number, stride: number, axis: number) => T,
): readonly [T, T] {
  return [side(size[0]!, kernel[0]!, strides[0]!, 0), side(size[1]!, kernel[1]!, strides[1]!, 1)];
}

/**
 * How a window slides over an image: `valid` without padding; `same` so that there are ⌈size / stride⌉ places, the odd
 * pixel of padding at the bottom and the right, as TensorFlow does.
 */
export function windowOf(
  layer: LayerWriter,
  size: readonly [number, number],
  kernel: readonly [number, number],
  strides: readonly [number, number],
): ExportWindow {
  const { settings } = layer;
  const dilations = settings.pair('dilation_rate', [1, 1]);
  const padding = settings.text('padding', 'valid');
  if (padding !== 'same' && padding !== 'valid') throw layer.unsupported(`padding '${padding}'`);
  const sides = along(size, kernel, strides, (from, k, stride, axis) => {
    const reach = (k - 1) * dilations[axis]! + 1;
    if (padding === 'valid') return { places: Math.floor((from - reach) / stride) + 1, before: 0, after: 0 };
    const places = Math.ceil(from / stride);
    const total = Math.max((places - 1) * stride + reach - from, 0);
    return { places, before: Math.floor(total / 2), after: total - Math.floor(total / 2) };
  });
  const [rows, columns] = sides;
  if (rows.places < 1 || columns.places < 1) throw layer.unsupported(`an image of ${size.join(' × ')} pixels`);
  return {
    strides,
    dilations,
    pads: [rows.before, columns.before, rows.after, columns.after],
    size: [rows.places, columns.places],
  };
}

export function requireChannelsLast(layer: LayerWriter): void {
  const format = layer.settings.text('data_format', 'channels_last').replace('channelsLast', 'channels_last');
  if (format !== 'channels_last') throw layer.unsupported(`data_format '${format}'`);
}
