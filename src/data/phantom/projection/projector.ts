import type { BodyFrame } from '../frame.ts';
import { AXIS_BIN, angleOf, SCAN, type Sinogram } from './geometry.ts';

/**
 * Line integrals through an image, by linear interpolation along the axis that a ray crosses steeply (Joseph 1982).
 * Rows and columns that are zero cost nothing, so what changes in a small region is projected quickly.
 * @param image attenuation relative to water on `frame`
 */
export function project(image: Float32Array, frame: BodyFrame): Sinogram {
  const { size, spacing, x0, y0 } = frame;
  const rows = linesOf(image, size, size, 1);
  const columns = linesOf(image, size, 1, size);
  const out = new Float32Array(SCAN.views * SCAN.bins);
  const sums = new Float64Array(SCAN.bins);
  for (let view = 0; view < SCAN.views; view++) {
    const [cos, sin] = [Math.cos(angleOf(view)), Math.sin(angleOf(view))];
    sums.fill(0);
    // A ray is x cos + y sin = s: along a row it is crossed once, at x = (s − y sin) / cos.
    const steep = Math.abs(cos) >= Math.abs(sin);
    if (steep) alongLines(sums, rows, { lines: y0, across: x0, spacing, cos, sin });
    else alongLines(sums, columns, { lines: x0, across: y0, spacing, cos: sin, sin: cos });
    const length = spacing / Math.abs(steep ? cos : sin);
    const start = view * SCAN.bins;
    for (let k = 0; k < SCAN.bins; k++) out[start + k] = sums[k]! * length;
  }
  return out;
}

/** Four neighbouring lines of an image, which are summed together: that is faster. */
interface Lines {
  /** Of the first of them. */
  readonly index: number;
  /** Position of the first value of each. */
  readonly first: number;
  /** Values of each. */
  readonly width: number;
  readonly values: Float32Array;
}

const TOGETHER = 4;
/** Zeros at both ends of a line: a ray meets neighbouring lines at most one pixel apart. */
const MARGIN = 2 * TOGETHER - 1;

/** The lines of an image, without the zeros at their ends; lines of zeros are left out. */
function linesOf(image: Float32Array, size: number, stride: number, step: number): Lines[] {
  const groups: Lines[] = [];
  for (let index = 0; index < size; index += TOGETHER) {
    const count = Math.min(TOGETHER, size - index);
    const at = (line: number, j: number) => image[(index + line) * stride + j * step]!;
    let [first, last] = [size, -1];
    for (let line = 0; line < count; line++) {
      for (let j = 0; j < size; j++) {
        if (at(line, j) === 0) continue;
        first = Math.min(first, j);
        last = Math.max(last, j);
      }
    }
    if (last < 0) continue;
    const width = last - first + 1 + 2 * MARGIN;
    const values = new Float32Array(TOGETHER * width);
    for (let line = 0; line < count; line++) {
      for (let j = first; j <= last; j++) values[line * width + j - first + MARGIN] = at(line, j);
    }
    groups.push({ index, first: first - MARGIN, width, values });
  }
  return groups;
}

function alongLines(
  sums: Float64Array,
  groups: readonly Lines[],
  g: {
    readonly lines: number;
    readonly across: number;
    readonly spacing: number;
    readonly cos: number;
    readonly sin: number;
  },
): void {
  const step = SCAN.bin / g.cos / g.spacing;
  const shift = -g.sin / g.cos;
  for (const { index, first, width, values } of groups) {
    const y = g.lines + index * g.spacing;
    // Where bin 0 meets the first line, in values of it.
    const start = ((-AXIS_BIN * SCAN.bin - y * g.sin) / g.cos - g.across) / g.spacing - first;
    // Beyond, all four lines are zero.
    const ends = [(TOGETHER - 1 - start) / step, (width - TOGETHER - start) / step];
    const from = Math.max(0, Math.ceil(Math.min(...ends)));
    const to = Math.min(SCAN.bins - 1, Math.floor(Math.max(...ends)));
    let t0 = start + from * step;
    let t1 = t0 + shift + width;
    let t2 = t1 + shift + width;
    let t3 = t2 + shift + width;
    for (let k = from; k <= to; k++) {
      const i0 = t0 | 0;
      const i1 = t1 | 0;
      const i2 = t2 | 0;
      const i3 = t3 | 0;
      const v0 = values[i0]!;
      const v1 = values[i1]!;
      const v2 = values[i2]!;
      const v3 = values[i3]!;
      sums[k]! +=
        v0 +
        (t0 - i0) * (values[i0 + 1]! - v0) +
        v1 +
        (t1 - i1) * (values[i1 + 1]! - v1) +
        v2 +
        (t2 - i2) * (values[i2 + 1]! - v2) +
        v3 +
        (t3 - i3) * (values[i3 + 1]! - v3);
      t0 += step;
      t1 += step;
      t2 += step;
      t3 += step;
    }
  }
}
