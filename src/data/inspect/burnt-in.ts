import type { Source } from '../../core/contracts/index.ts';
import { componentsOf } from '../../core/image/components.ts';
import { planar, tensor } from '../../core/tensor.ts';

/** How near to the image's border marks are looked for, as a share of each side. */
const FRAME = 0.25;
/** Marks are as bright as this, as a share of the range shown. */
const BRIGHT = 0.85;
const DARK = 0.25;
/** Least and greatest side of a mark, as a share of the image's shorter side. */
const SIDES = [0.012, 0.15] as const;

/**
 * Whether letters or marks seem to be burnt in: small bright spots near the border with darkness around them. It is a
 * suspicion: tubes and electrodes look like that too, and letters on bright tissue are missed.
 */
export function looksBurntIn({ pixels, unit }: Pick<Source, 'pixels' | 'unit'>): boolean {
  const [h, w] = planar(pixels.shape);
  const [low, high] = unit === 'HU' ? [-1000, 1000] : [0, 255];
  const level = (i: number) => (pixels.data[i]! - low) / (high - low);
  const bright = tensor(
    [h, w],
    Float32Array.from({ length: h * w }, (_, i) => (level(i) >= BRIGHT ? 1 : 0)),
  );
  const [least, most] = SIDES.map(s => s * Math.min(h, w)) as [number, number];
  return componentsOf(bright).some(part => {
    const rows = part.map(i => Math.floor(i / w));
    const columns = part.map(i => i % w);
    const [top, bottom] = ends(rows);
    const [left, right] = ends(columns);
    const [height, width] = [bottom - top + 1, right - left + 1];
    if (height < least || height > most || width > most || height < 2) return false;
    const [y, x] = [(top + bottom) / 2 / h, (left + right) / 2 / w];
    const inFrame = Math.min(y, 1 - y) < FRAME && Math.min(x, 1 - x) < FRAME;
    return inFrame && darkAround([top - 2, bottom + 2, left - 2, right + 2]);
  });

  /** Whether most of the rectangle's outline is dark. */
  function darkAround([top, bottom, left, right]: readonly [number, number, number, number]): boolean {
    let [dark, all] = [0, 0];
    const look = (y: number, x: number) => {
      if (y < 0 || x < 0 || y >= h || x >= w) return;
      all++;
      if (level(y * w + x) <= DARK) dark++;
    };
    for (let x = left; x <= right; x++) {
      look(top, x);
      look(bottom, x);
    }
    for (let y = top + 1; y < bottom; y++) {
      look(y, left);
      look(y, right);
    }
    return all > 0 && dark / all > 0.8;
  }
}

function ends(values: readonly number[]): [number, number] {
  let [low, high] = [values[0]!, values[0]!];
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}
