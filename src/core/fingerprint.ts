import type { Tensor } from './tensor.ts';

/**
 * 64 bits (hex) of a tensor's shape and values, for keys of work shared within one image: two multiply–xorshift lanes
 * over the values' bits. Not cryptographic.
 */
export function fingerprint({ shape, data }: Tensor): string {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  let [a, b] = [0x9e3779b9, 0x7f4a7c15];
  const mix = (word: number): void => {
    a = Math.imul(a ^ word, 0x85ebca6b);
    a ^= a >>> 15;
    b = Math.imul(b + (word ^ (word >>> 16)), 0xc2b2ae35);
    b ^= b >>> 13;
  };
  for (const d of shape) mix(d);
  mix(shape.length);
  for (let i = 0; i < words.length; i++) mix(words[i]!);
  return (BigInt(a >>> 0) * 2n ** 32n + BigInt(b >>> 0)).toString(16).padStart(16, '0');
}
