import type { Matrix } from './emit.ts';

/** A rows × cols matrix from its non-zero entries; entries at the same place add up. */
export function matrix(rows: number, cols: number, fill: (add: (row: number, col: number, v: number) => void) => void) {
  const data = new Float64Array(rows * cols);
  fill((r, c, v) => {
    if (r >= 0 && r < rows && c >= 0 && c < cols) data[r * cols + c]! += v;
  });
  return { rows, cols, data } satisfies Matrix;
}

export function transposed({ rows, cols, data }: Matrix): Matrix {
  return matrix(cols, rows, add => {
    for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) add(c, r, data[r * cols + c]!);
  });
}

/** [output, input]: 1 where window `o` of a pooling along one axis covers input `i`. */
export function coverage(axis: {
  kernel: number;
  stride: number;
  dilation: number;
  begin: number;
  input: number;
  output: number;
}): Matrix {
  return matrix(axis.output, axis.input, add => {
    for (let o = 0; o < axis.output; o++) {
      for (let k = 0; k < axis.kernel; k++) add(o, o * axis.stride + k * axis.dilation - axis.begin, 1);
    }
  });
}
