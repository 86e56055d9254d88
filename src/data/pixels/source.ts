import type { Source } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { type Decoded, greatestOf } from './decode.ts';

/** Values up to this of 65535 are those of a 12-bit scanner: as 16 bits the image would be nearly black. */
const TWELVE_BITS = 4095;

/** How stored values become raw ones. */
export interface SourceOptions {
  /** Stored values × slope + intercept are HU. Absent: grey levels, scaled to 0…255. */
  readonly rescale?: { readonly slope: number; readonly intercept: number } | undefined;
  /** Bits that 16-bit files use: their greatest value 2^bits − 1 becomes 255. Default: all 16. */
  readonly bits?: number | undefined;
  /** Millimetres per pixel, [rows, columns]. */
  readonly spacing?: readonly [number, number] | undefined;
}

/**
 * A decoded file as an image in raw units: HU by `rescale`, else grey levels 0…255. Signed files with values below 0
 * are HU as they are.
 * @param where Said in errors.
 * @throws CtXaiError IMAGE where nothing says what the values mean: signed or fractional ones that may be either, and
 * values beyond the bits that the file is said to use.
 */
export function sourceOf(decoded: Decoded, options: SourceOptions, where = 'the image'): Source {
  const { stored, colour } = decoded;
  const { rescale, spacing } = options;
  const hu = rescale ?? signedHu(decoded);
  const { slope, intercept } = hu ?? { slope: 255 / greatest(decoded, options, where), intercept: 0 };
  const raw = ({ shape, data }: Tensor) => {
    const out = tensor(shape);
    for (let i = 0; i < data.length; i++) out.data[i] = data[i]! * slope + intercept;
    return out;
  };
  return {
    pixels: raw(stored),
    ...(colour && !hu ? { colour: raw(colour) } : {}),
    unit: hu ? 'HU' : 'grey',
    ...(spacing ? { spacing } : {}),
  };
}

/** Whether a 16-bit file uses so few of its values that it holds 12 bits, or is very dark. */
export function maybeTwelveBits({ type, maximum, stored }: Decoded): boolean {
  return type === 'unsigned' && maximum === 65535 && greatestOf(stored.data) <= TWELVE_BITS;
}

/** What to write where `maybeTwelveBits` holds of all files. */
export const BITS_HINT =
  "Set 'bits: 12' if 4095 is white, 'bits: 16' if they are that dark, or 'rescale: { intercept: -1024 }' if the " +
  'values are HU + 1024.';

function signedHu({ type, stored }: Decoded): { slope: number; intercept: number } | undefined {
  return type === 'signed' && stored.data.some(v => v < 0) ? { slope: 1, intercept: 0 } : undefined;
}

function greatest({ type, maximum, stored }: Decoded, { bits }: SourceOptions, where: string): number {
  if (type !== 'unsigned') {
    throw new CtXaiError('IMAGE', `${where} has ${type} pixels, which may be HU or grey levels.`, {
      hint: "Set 'rescale: { intercept: 0 }' if they are HU as they are.",
    });
  }
  if (bits === undefined || maximum !== 65535) return maximum;
  const most = 2 ** bits - 1;
  const found = greatestOf(stored.data);
  if (found > most) {
    throw new CtXaiError('IMAGE', `${where} has the value ${found}, more than ${bits} bits hold (${most}).`, {
      hint: "Correct the data's 'bits'.",
    });
  }
  return most;
}
