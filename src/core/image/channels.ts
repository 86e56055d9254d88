import { type Tensor, tensor } from '../tensor.ts';

/**
 * [...spatial, channels] → [...spatial]: the sum over channels. Three equal channels of a grey image are one variable,
 * whose derivative is the sum of theirs.
 */
export function channelSum({ shape, data }: { shape: readonly number[]; data: ArrayLike<number> }): Tensor {
  const channels = shape.at(-1)!;
  const out = tensor(shape.slice(0, -1));
  for (let p = 0; p < out.data.length; p++) {
    let sum = 0;
    for (let k = p * channels; k < (p + 1) * channels; k++) sum += data[k]!;
    out.data[p] = sum;
  }
  return out;
}

/** [...spatial, channels] → [...spatial]: the largest absolute value of the channels. */
export function channelMaximum({ shape, data }: { shape: readonly number[]; data: ArrayLike<number> }): Tensor {
  const channels = shape.at(-1)!;
  const out = tensor(shape.slice(0, -1));
  for (let i = 0; i < data.length; i++) {
    const p = Math.floor(i / channels);
    out.data[p] = Math.max(out.data[p]!, Math.abs(data[i]!));
  }
  return out;
}
