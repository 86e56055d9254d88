import type { Batch } from '../../../core/contracts/index.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { toChannelsFirst } from '../../shared/images.ts';
import type { Layout } from '../../shared/layer-map.ts';
import type { Feed } from './onnx-messages.ts';

/** Values that are fed for each item of a batch: images, or those of a layer. */
export interface RowShape {
  /** The graph's input. */
  readonly name: string;
  /** Without the batch. */
  readonly dims: readonly number[];
  readonly pixels: number;
  readonly channels: number;
  readonly layout: Layout;
}

/** Writes items of a batch into buffers, which are used again. */
export class RowFeeds {
  /** By their length. */
  readonly #free = new Map<number, Float32Array[]>();

  /** Items `first`… of a batch, in the graph's layout, as the first of so many rows. */
  feed({ name, dims, ...shape }: RowShape, batch: Batch, first: number, count: number, rows: number): Feed {
    const size = sizeOf(dims);
    const data = this.#free.get(rows * size)?.pop() ?? new Float32Array(rows * size);
    const { pixels, channels } = shape;
    const scratch = shape.layout === 'NCHW' && channels > 1 ? new Float32Array(size) : undefined;
    for (let j = 0; j < count; j++) {
      const place = data.subarray(j * size, (j + 1) * size);
      batch.write(first + j, scratch ?? place);
      if (scratch) toChannelsFirst(scratch, place, pixels, channels);
    }
    return { name, dims: [rows, ...dims], data };
  }

  recycle(buffer: Float32Array): void {
    const kept = this.#free.get(buffer.length) ?? [];
    kept.push(buffer);
    this.#free.set(buffer.length, kept);
  }
}
