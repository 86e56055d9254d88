import { planar, type Tensor } from '../tensor.ts';

/** Connected parts of a mask (eight neighbours): the pixels of each, in the order of their first pixel. */
export function componentsOf(mask: Tensor): number[][] {
  const [height, width] = planar(mask.shape);
  const seen = new Uint8Array(height * width);
  const parts: number[][] = [];
  for (let first = 0; first < seen.length; first++) {
    if (seen[first] || !(mask.data[first]! >= 0.5)) continue;
    const part = [first];
    seen[first] = 1;
    for (let next = 0; next < part.length; next++) {
      const [y, x] = [Math.floor(part[next]! / width), part[next]! % width];
      for (let yy = Math.max(0, y - 1); yy <= Math.min(height - 1, y + 1); yy++) {
        for (let xx = Math.max(0, x - 1); xx <= Math.min(width - 1, x + 1); xx++) {
          const i = yy * width + xx;
          if (seen[i] || !(mask.data[i]! >= 0.5)) continue;
          seen[i] = 1;
          part.push(i);
        }
      }
    }
    parts.push(part);
  }
  return parts;
}
