/** A dense, row-major float32 array. Images are [h, w, c] or [n, h, w, c]; attributions and masks are [h, w]. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/**
 * A tensor over `data` (not copied), or of zeros.
 * @throws RangeError if the length of `data` is not the product of `shape`.
 */
export function tensor(shape: readonly number[], data: Float32Array = new Float32Array(sizeOf(shape))): Tensor {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`tensor of shape [${shape.join(', ')}] needs ${sizeOf(shape)} values, got ${data.length}`);
  }
  return { shape: [...shape], data };
}

/** A tensor of one value. */
export function filled(shape: readonly number[], value: number): Tensor {
  return tensor(shape, new Float32Array(sizeOf(shape)).fill(value));
}

/**
 * Rows and columns of a shape or spacing of two axes.
 * @throws RangeError where there are not two: what works in 2-D only says so before it is called.
 */
export function planar(axes: readonly number[]): readonly [rows: number, columns: number] {
  if (axes.length !== 2) throw new RangeError(`two axes are expected, not [${axes.join(', ')}]`);
  return axes as readonly [number, number];
}

/** Column `c` of a matrix [n, k], such as one class of the scores of n images. */
export function columnOf({ shape, data }: Tensor, c: number): Float32Array {
  const [n = 0, k = 0] = shape;
  return Float32Array.from({ length: n }, (_, i) => data[i * k + c]!);
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** Why a map can't be scored: 'it has NaN or infinite values', 'it is constant', or null where it can. */
export function mapDefect(map: Tensor): string | null {
  const { data } = map;
  if (data.length === 0) return 'the map is empty';
  const first = data[0]!;
  let constant = true;
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    if (!Number.isFinite(v)) return 'the map has NaN or infinite values';
    if (v !== first) constant = false;
  }
  return constant ? 'the map is constant' : null;
}
