import type { Half } from '../contracts/model.ts';

/** Whether pixel `i` of an image of `height` × `width` lies in a half of it. */
export function inHalf(half: Half, i: number, [height, width]: readonly [height: number, width: number]): boolean {
  if (half === 'top' || half === 'bottom') {
    return (half === 'top') === Math.floor(i / width) < Math.floor(height / 2);
  }
  return (half === 'left') === i % width < Math.floor(width / 2);
}
