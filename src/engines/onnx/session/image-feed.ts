import type { ModelCard } from '../../../core/contracts/index.ts';
import { imageDims, toChannelsFirst } from '../../shared/images.ts';
import type { Feed } from './onnx-messages.ts';

/** Some of a list of images, [...spatial, channels] each, as a batch in the graph's layout. */
export function imageFeed(
  name: string,
  indices: readonly number[],
  images: readonly Float32Array[],
  { size, channels, layout }: ModelCard['input'],
): Feed {
  const values = images[0]!.length;
  const data = new Float32Array(indices.length * values);
  for (const [row, i] of indices.entries()) {
    const place = data.subarray(row * values, (row + 1) * values);
    if (layout === 'NCHW') toChannelsFirst(images[i]!, place, values / channels, channels);
    else place.set(images[i]!);
  }
  return { name, dims: [indices.length, ...imageDims({ size, channels, layout })], data };
}
