import { createHash } from 'node:crypto';
import type { Tensor } from '../../core/tensor.ts';

/** SHA-256 of an image's size and values. */
export function tensorDigest({ shape, data }: Tensor): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(shape.join('×')).update(bytes).digest('hex');
}
