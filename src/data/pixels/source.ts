import type { Source } from '../../core/contracts/index.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import type { Decoded } from './decode.ts';

/** How stored values become raw ones. */
export interface SourceOptions {
  /** Stored values × slope + intercept are HU. Absent: grey levels, scaled to 0…255. */
  readonly rescale?: { readonly slope: number; readonly intercept: number } | undefined;
  /** Millimetres per pixel, [rows, columns]. */
  readonly spacing?: readonly [number, number] | undefined;
}

/** A decoded file as an image in raw units. */
export function sourceOf({ stored, colour, maximum }: Decoded, { rescale, spacing }: SourceOptions): Source {
  const { slope, intercept } = rescale ?? { slope: 255 / maximum, intercept: 0 };
  const raw = ({ shape, data }: Tensor) =>
    tensor(
      shape,
      data.map(v => v * slope + intercept),
    );
  return {
    pixels: raw(stored),
    ...(colour && !rescale ? { colour: raw(colour) } : {}),
    unit: rescale ? 'HU' : 'grey',
    ...(spacing ? { spacing } : {}),
  };
}
