import type { Tensor } from './tensor.ts';

/**
 * 64 bits (16 hex digits) of a tensor's shape and values, for keys of shared work. Equal tensors have equal
 * fingerprints on every machine; unlike ones differ but by chance (about 1 in 10¹⁹). Not cryptographic.
 */
export function fingerprint(values: Tensor): string {
  const words = new Uint32Array(values.data.buffer, values.data.byteOffset, values.data.length);
  let a = 0x9e3779b9 ^ words.length;
  let b = 0x85ebca6b;
  for (const d of values.shape) a = Math.imul(a ^ d, 0x27d4eb2f);
  for (let i = 0; i < words.length; i++) {
    const k = words[i]!;
    a = Math.imul(a ^ k, 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b + (k ^ (a >>> 7)), 0x85ebca77);
    b ^= b >>> 13;
  }
  const hex = (x: number): string => (x >>> 0).toString(16).padStart(8, '0');
  return hex(a ^ (b >>> 16)) + hex(Math.imul(b, 0xc2b2ae3d) ^ a);
}
