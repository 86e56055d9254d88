import type { Batch, Target } from '../../core/contracts/index.ts';
import type { Passes } from '../shared/classifier.ts';
import { inOrder, throwIfAborted } from '../shared/in-order.ts';
import type { RunResult } from '../shared/messages.ts';
import type { Head } from '../shared/scores.ts';
import { IN_FLIGHT, type WorkerPool } from '../shared/worker-pool.ts';
import type { Task } from './network/compute.ts';

export interface ExecutorParts {
  readonly pool: WorkerPool;
  readonly head: Head;
  readonly image: Passes['image'];
  readonly microBatch: number;
}

/** Streams images through TF.js in worker threads. */
export class TfjsExecutor implements Passes {
  readonly head: Head;
  readonly image: Passes['image'];
  readonly #pool: WorkerPool;
  readonly #microBatch: number;

  constructor({ pool, head, image, microBatch }: ExecutorParts) {
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
    consume: (i: number, gradient: Float32Array, raw: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const task: Task = { kind: 'gradient', target: target.class, score: target.score };
    await this.#stream(batch, task, signal, ({ outputs }, first, count) => {
      for (let j = 0; j < count; j++) {
        consume(first + j, part(outputs.gradient!, j, count), part(outputs.raw!, j, count));
      }
    });
  }

  async layer(
    batch: Batch,
    target: Target,
    layer: string,
    consume: (i: number, result: { activations: Float32Array; gradients: Float32Array }, from: number) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const task: Task = { kind: 'layer', layer, target: target.class, score: target.score };
    await this.#stream(batch, task, signal, ({ outputs }, first, count) => {
      const [activations, gradients] = [outputs.activations!, outputs.gradient!];
      for (let j = 0; j < count; j++) consume(first + j, { activations, gradients }, j);
    });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #stream(
    batch: Batch,
    task: Task,
    signal: AbortSignal | undefined,
    consume: (result: RunResult, first: number, count: number) => void,
  ): Promise<void> {
    throwIfAborted(signal);
    const step = this.#microBatch;
    const { height, width, channels } = this.image;
    const size = height * width * channels;
    const name = JSON.stringify(task);
    const countAt = (i: number) => Math.min(step, batch.count - i * step);
    await inOrder(
      Math.ceil(batch.count / step),
      this.#pool.size * IN_FLIGHT,
      async i => {
        const count = countAt(i);
        const data = new Float32Array(count * size);
        for (let j = 0; j < count; j++) batch.write(i * step + j, data.subarray(j * size, (j + 1) * size));
        return this.#pool.run(name, [{ name: 'images', dims: [count, height, width, channels], data }]);
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
