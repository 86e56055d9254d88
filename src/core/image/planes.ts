import type { Tensor } from '../tensor.ts';

/**
 * An image's size, whether it is [h, w] or [h, w, c], and the shape of an image like it of another size.
 * @throws RangeError on any other number of dimensions.
 */
export function planes(image: Tensor): {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  shape(height: number, width: number): number[];
} {
  const [height, width, channels] = image.shape;
  const { length } = image.shape;
  if (height === undefined || width === undefined || length > 3) {
    throw new RangeError(`an image is [h, w] or [h, w, c]; this one is [${image.shape.join(', ')}]`);
  }
  return {
    height,
    width,
    channels: channels ?? 1,
    shape: (h, w) => (channels === undefined ? [h, w] : [h, w, channels]),
  };
}
