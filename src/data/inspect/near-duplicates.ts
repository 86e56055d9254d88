import { resizeBilinear } from '../../core/image/resize.ts';
import type { Tensor } from '../../core/tensor.ts';

const SIDE = 16;
/** Of 256 bits; copies that were scaled, compressed or windowed anew differ in a few. */
const NEAR = 8;

/**
 * 256 bits that say, on a grid of 16 × 17, where the image gets brighter from one cell to the next ("difference hash").
 * Copies in another size, window or compression have nearly the same.
 */
export function perceptualHash(image: Tensor): Uint32Array {
  const small = resizeBilinear(image, [SIDE, SIDE + 1], { antialias: true }).data;
  const bits = new Uint32Array((SIDE * SIDE) / 32);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const at = Math.floor(i / SIDE) * (SIDE + 1) + (i % SIDE);
    if (small[at + 1]! > small[at]!) bits[i >> 5]! |= 1 << (i & 31);
  }
  return bits;
}

export interface HashedImage {
  readonly id: string;
  readonly patient: string;
  readonly hash: Uint32Array;
}

/**
 * Pairs of images of different patients that look the same. Neighbouring slices of one patient do so by nature.
 * @param same images with equal pixels to another one, which are known already
 */
export function nearPairs(images: readonly HashedImage[], same: ReadonlySet<string>): [string, string][] {
  const pairs: [string, string][] = [];
  for (let a = 0; a < images.length; a++) {
    for (let b = a + 1; b < images.length; b++) {
      const [one, other] = [images[a]!, images[b]!];
      if (one.patient === other.patient || (same.has(one.id) && same.has(other.id))) continue;
      if (distance(one.hash, other.hash) <= NEAR) pairs.push([one.id, other.id]);
    }
  }
  return pairs;
}

function distance(a: Uint32Array, b: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length && sum <= NEAR; i++) {
    let v = a[i]! ^ b[i]!;
    v -= (v >>> 1) & 0x55555555;
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    sum += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return sum;
}
