import { createHash } from 'node:crypto';
import type { Tensor } from './tensor.ts';

/** 128 bits (hex) of a tensor's shape and values, for keys of shared work. */
export function fingerprint({ shape, data }: Tensor): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(JSON.stringify(shape)).update(bytes).digest('hex').slice(0, 32);
}
