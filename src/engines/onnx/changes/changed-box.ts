/** A rectangle of pixels: rows `top` … `bottom`, columns `left` … `right`, all included. */
export interface Box {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The least rectangle outside of which two images, [rows, columns, channels], are the same; undefined: they are. */
export function changedBox(a: Float32Array, b: Float32Array, width: number, channels: number): Box | undefined {
  const row = width * channels;
  let first = 0;
  while (first < a.length && a[first] === b[first]) first++;
  if (first === a.length) return undefined;
  let last = a.length - 1;
  while (a[last] === b[last]) last--;
  const [top, bottom] = [Math.floor(first / row), Math.floor(last / row)];
  let [left, right] = [row - 1, 0];
  for (let y = top; y <= bottom; y++) {
    const start = y * row;
    let x = 0;
    while (x < left && a[start + x] === b[start + x]) x++;
    left = Math.min(left, x);
    x = row - 1;
    while (x > right && a[start + x] === b[start + x]) x--;
    right = Math.max(right, x);
  }
  return { top, bottom, left: Math.floor(left / channels), right: Math.floor(right / channels) };
}

/** The longer side, pixels. */
export function sideOf({ top, bottom, left, right }: Box): number {
  return 1 + Math.max(bottom - top, right - left);
}
