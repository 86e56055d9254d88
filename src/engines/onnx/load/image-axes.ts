import { CtXaiError } from '../../../core/errors.ts';
import { DType, type ValueInfo } from '../graph/graph.ts';

/** Types of input that images are fed as. */
const FLOATS: readonly number[] = [DType.float, DType.float16, DType.double, 0];

/** How the axes of an image input lie, as far as its declaration tells. */
export interface ImageAxes {
  readonly layout: 'NCHW' | 'NHWC';
  /** null: any. */
  readonly channels: number | null;
  /** Rows and columns; null: any. */
  readonly size: readonly (number | null)[];
}

/**
 * The axes of an input that takes images.
 * @throws CtXaiError MODEL naming what the input is instead: a volume, tokens, integers.
 */
export function imageAxes(input: ValueInfo, file: string): ImageAxes {
  if (!FLOATS.includes(input.dtype)) throw noFloats(input, file);
  const { dims } = input;
  if (dims.length !== 0) requireFlat(input, file);
  const [, a = null, b = null, c = null] = dims;
  const isChannels = (d: number | null) => d === 1 || d === 3;
  const last = isChannels(c) && !isChannels(a);
  return last ? { layout: 'NHWC', channels: c, size: [a, b] } : { layout: 'NCHW', channels: a, size: [b, c] };
}

/** @throws CtXaiError MODEL where an input has not the four axes of a batch of images. */
export function requireFlat({ name, dims }: ValueInfo, file: string): void {
  if (dims.length === 4) return;
  const shape = `[${dims.map(d => d ?? '?').join(', ')}]`;
  if (dims.length === 5) {
    throw new CtXaiError('MODEL', `${file}: its input '${name}' is three-dimensional: ${shape}.`, {
      hint:
        'Networks that take volumes are not supported. Supported are networks of two-dimensional images, ' +
        '[images, channels, rows, columns] or channels last; a 2.5D network of 3 slices as channels is one.',
    });
  }
  throw new CtXaiError('MODEL', `${file}: its input '${name}' is ${shape}, which is no batch of images.`, {
    hint: 'Supported are inputs of four axes: [images, channels, rows, columns], or channels last.',
  });
}

/** An input that takes integers or text. */
export function noFloats({ name }: ValueInfo, file: string): CtXaiError {
  return new CtXaiError('MODEL', `${file}: input '${name}' does not take floating-point values.`, {
    hint: 'Export the model so that it takes the image as floats; scaling from 0…255 belongs in the card.',
  });
}
