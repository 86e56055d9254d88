import { readFileSync } from 'node:fs';
import { readNpy } from '../../../src/core/npy.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';

const root = new URL('../../golden/image-maths/', import.meta.url);

export function goldenIndex<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, root), 'utf8')) as T;
}

/** An array under test/golden/image-maths, as float32, divided by `scale`. */
export function golden(name: string, scale = 1): Tensor {
  const { shape, data } = readNpy(readFileSync(new URL(name, root)), name);
  return tensor(
    shape,
    Float32Array.from(data as ArrayLike<number>, v => v / scale),
  );
}

export function maxDifference(a: Tensor, b: Tensor): number {
  let max = 0;
  for (let i = 0; i < a.data.length; i++) max = Math.max(max, Math.abs(a.data[i]! - b.data[i]!));
  return max;
}
