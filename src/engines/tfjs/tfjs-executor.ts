import type { Batch, GradientOptions, Target } from '../../core/contracts/index.ts';
import { sizeOf } from '../../core/tensor.ts';
import { inOrder, throwIfAborted } from '../shared/in-order.ts';
import type { Layer } from '../shared/layer-map.ts';
import type { Feed, RunResult } from '../shared/messages.ts';
import type { BackwardFindings, LayerSlopes, NetworkRunner } from '../shared/network-runner.ts';
import type { Head } from '../shared/scores.ts';
import { IN_FLIGHT, type WorkerPool } from '../shared/worker-pool.ts';
import type { Task } from './network/compute.ts';

export interface TfjsExecutorParts {
  readonly pool: WorkerPool;
  readonly head: Head;
  readonly image: NetworkRunner['image'];
  readonly microBatch: number;
}

/** Streams images through TF.js in worker threads. */
export class TfjsExecutor implements NetworkRunner {
  readonly head: Head;
  readonly image: NetworkRunner['image'];
  readonly #pool: WorkerPool;
  readonly #microBatch: number;

  constructor({ pool, head, image, microBatch }: TfjsExecutorParts) {
    this.head = head;
    this.image = image;
    this.#pool = pool;
    this.#microBatch = microBatch;
  }

  async forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void> {
    await this.#stream(batch, { kind: 'scores' }, signal, (result, first, count) => {
      for (let j = 0; j < count; j++) consume(first + j, part(result.outputs.raw!, j, count));
    });
  }

  async gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, found: BackwardFindings) => void,
    options: GradientOptions = {},
  ): Promise<void> {
    const task: Task = { kind: 'gradient', target: target.class, score: target.score };
    await this.#stream(batch, task, options.signal, ({ outputs }, first, count) => {
      for (let j = 0; j < count; j++) {
        consume(first + j, part(outputs['gradients 0']!, j, count), { raw: part(outputs.raw!, j, count) });
      }
    });
  }

  async activations(
    batch: Batch,
    layers: readonly string[],
    consume: (i: number, values: readonly Float32Array[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#stream(batch, { kind: 'activations', layers }, signal, ({ outputs }, first, count) => {
      for (let j = 0; j < count; j++) {
        consume(
          first + j,
          layers.map((_, k) => part(outputs[`activations ${k}`]!, j, count)),
        );
      }
    });
  }

  async layerGradients(
    batch: Batch,
    target: Target,
    layers: readonly string[],
    consume: (i: number, values: readonly LayerSlopes[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const task: Task = { kind: 'layers', layers, target: target.class, score: target.score };
    await this.#stream(batch, task, signal, ({ outputs }, first, count) => {
      for (let j = 0; j < count; j++) {
        const values = layers.map((_, k) => ({
          activations: part(outputs[`activations ${k}`]!, j, count),
          gradients: part(outputs[`gradients ${k}`]!, j, count),
        }));
        consume(first + j, values);
      }
    });
  }

  async continueFrom(
    layer: Layer,
    batch: Batch,
    image: Float32Array,
    consume: (i: number, raw: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<number> {
    const { height, width, channels } = this.image;
    const task: Task = { kind: 'continue', layer: layer.name };
    const beside = (): Feed => ({ name: 'images', dims: [1, height, width, channels], data: image.slice() });
    await this.#stream(
      batch,
      task,
      signal,
      (result, first, count) => {
        for (let j = 0; j < count; j++) consume(first + j, part(result.outputs.raw!, j, count));
      },
      { dims: layer.shape, beside },
    );
    return 0;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** @param rows what a batch writes, where it writes no images, and what is fed beside it */
  async #stream(
    batch: Batch,
    task: Task,
    signal: AbortSignal | undefined,
    consume: (result: RunResult, first: number, count: number) => void,
    rows?: { readonly dims: readonly number[]; beside(): Feed },
  ): Promise<void> {
    throwIfAborted(signal);
    const step = this.#microBatch;
    const { height, width, channels } = this.image;
    const dims = rows?.dims ?? [height, width, channels];
    const size = sizeOf(dims);
    const name = JSON.stringify(task);
    const countAt = (i: number) => Math.min(step, batch.count - i * step);
    await inOrder(
      Math.ceil(batch.count / step),
      this.#pool.size * IN_FLIGHT,
      async i => {
        const count = countAt(i);
        const data = new Float32Array(count * size);
        for (let j = 0; j < count; j++) batch.write(i * step + j, data.subarray(j * size, (j + 1) * size));
        const own: Feed = { name: rows ? 'given' : 'images', dims: [count, ...dims], data };
        return this.#pool.run(name, rows ? [rows.beside(), own] : [own]);
      },
      (i, result) => consume(result, i * step, countAt(i)),
      signal,
    );
  }
}

/** The j-th of `count` equal parts. */
function part(data: Float32Array, j: number, count: number): Float32Array {
  const size = data.length / count;
  return data.subarray(j * size, (j + 1) * size);
}
