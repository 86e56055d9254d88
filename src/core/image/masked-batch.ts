import type { Batch } from '../contracts/index.ts';
import type { Tensor } from '../tensor.ts';
import type { SegmentPixels } from './segmentation.ts';

/**
 * Copies of an image with segments replaced, written straight into the engine's buffers: segment s of copy i shows the
 * image where `design[i, s]` is not 0, else `fill`. Image and fill are [h, w, c].
 */
export function maskedBatch(parts: {
  readonly image: Tensor;
  readonly fill: Tensor;
  readonly segments: SegmentPixels;
  /** Row-major, [count, segments]. */
  readonly design: ArrayLike<number>;
}): Batch {
  const { image, fill, segments, design } = parts;
  const n = segments.start.length - 1;
  const runs = runsOf(segments, image.data.length / segments.pixels.length);
  const source = fill.data;
  return {
    count: design.length / n,
    write(i, out) {
      out.set(image.data);
      for (let s = 0; s < n; s++) {
        if (design[i * n + s] !== 0) continue;
        for (let r = runs.start[s]!; r < runs.start[s + 1]!; r++) {
          const to = runs.to[r]!;
          for (let k = runs.from[r]!; k < to; k++) out[k] = source[k]!;
        }
      }
    },
  };
}

/** An image whose every pixel is the mean of its segment, channel by channel. */
export function segmentMeans(image: Tensor, segments: SegmentPixels): Tensor {
  const data = new Float32Array(image.data.length);
  const channels = image.data.length / segments.pixels.length;
  for (let s = 0; s + 1 < segments.start.length; s++) {
    const members = segments.pixels.subarray(segments.start[s]!, segments.start[s + 1]!);
    for (let k = 0; k < channels; k++) {
      let sum = 0;
      for (const p of members) sum += image.data[p * channels + k]!;
      for (const p of members) data[p * channels + k] = sum / members.length;
    }
  }
  return { shape: image.shape, data };
}

/** Stretches of values that lie side by side, `from` inclusive and `to` exclusive; segment s has start[s] … start[s + 1]. */
interface Runs {
  readonly start: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
}

function runsOf({ start, pixels }: SegmentPixels, channels: number): Runs {
  const [from, to, first]: [number[], number[], number[]] = [[], [], [0]];
  for (let s = 0; s + 1 < start.length; s++) {
    for (let at = start[s]!; at < start[s + 1]!; at++) {
      const value = pixels[at]! * channels;
      if (at > start[s]! && to.at(-1) === value) to[to.length - 1] = value + channels;
      else {
        from.push(value);
        to.push(value + channels);
      }
    }
    first.push(from.length);
  }
  return { start: Int32Array.from(first), from: Int32Array.from(from), to: Int32Array.from(to) };
}
