import type { BodyFrame } from '../frame.ts';

/** Means of a field over the pixels of another frame; outside the field it is 0. */
export function meanOver(field: ArrayLike<number>, from: BodyFrame, to: BodyFrame): Float32Array {
  const columns = overlaps(from.size, from.spacing, from.x0, to.size, to.spacing, to.x0);
  const rows = overlaps(from.size, from.spacing, from.y0, to.size, to.spacing, to.y0);
  const narrow = new Float64Array(from.size * to.size);
  for (let i = 0; i < from.size; i++) {
    for (let j = 0; j < to.size; j++) {
      let sum = 0;
      for (const { at, share } of columns[j]!) sum += share * field[i * from.size + at]!;
      narrow[i * to.size + j] = sum;
    }
  }
  const out = new Float32Array(to.size ** 2);
  for (let i = 0; i < to.size; i++) {
    for (const { at, share } of rows[i]!) {
      for (let j = 0; j < to.size; j++) out[i * to.size + j]! += share * narrow[at * to.size + j]!;
    }
  }
  return out;
}

/** Of each cell of a line, the cells of another line that it overlaps, with the shares of it that they are. */
function overlaps(
  fromSize: number,
  fromStep: number,
  from0: number,
  toSize: number,
  toStep: number,
  to0: number,
): { readonly at: number; readonly share: number }[][] {
  return Array.from({ length: toSize }, (_, j) => {
    // In cells of the first line, counted from its edge.
    const start = (to0 + (j - 0.5) * toStep - from0) / fromStep + 0.5;
    const end = start + toStep / fromStep;
    const found: { at: number; share: number }[] = [];
    for (let at = Math.max(0, Math.floor(start)); at < Math.min(fromSize, end); at++) {
      const share = (Math.min(end, at + 1) - Math.max(start, at)) / (end - start);
      if (share > 0) found.push({ at, share });
    }
    return found;
  });
}
