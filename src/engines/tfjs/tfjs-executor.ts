import type { Batch, GradientOptions, Target } from '../../core/contracts/index.ts';
import { sizeOf } from '../../core/tensor.ts';
import type { Layer } from '../shared/layer-map.ts';
import { inMicroBatches, part } from '../shared/micro-batches.ts';
import type { BackwardFindings, LayerSlopes, NetworkRunner } from '../shared/network-runner.ts';
import type { Head } from '../shared/scores.ts';
import { IN_FLIGHT, type WorkerPool } from '../shared/worker-pool.ts';
import type { ComputedAnswer, NetworkValues, Task } from './network/compute.ts';
import type { TfjsProtocol } from './tfjs-messages.ts';

export interface TfjsExecutorParts {
  readonly pool: WorkerPool<TfjsProtocol>;
  readonly head: Head;
  readonly image: NetworkRunner['image'];
  readonly microBatch: number;
}

/** What TF.js tells of one image. */
interface ImageAnswer {
  readonly raw: Float32Array | undefined;
  readonly gradients: readonly Float32Array[];
  readonly activations: readonly Float32Array[];
}

/** Streams images through TF.js in worker threads. */
export class TfjsExecutor implements NetworkRunner {
  readonly head: Head;
  readonly image: NetworkRunner['image'];
  readonly #pool: WorkerPool<TfjsProtocol>;
  readonly #microBatch: number;

  constructor({ pool, head, image, microBatch }: TfjsExecutorParts) {
    this.head = head;
    this.image = image;
    this.#pool = pool;
    this.#microBatch = microBatch;
  }

  async forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void> {
    await this.#stream(batch, { kind: 'scores' }, signal, (i, { raw }) => consume(i, raw!));
  }

  async gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, found: BackwardFindings) => void,
    options: GradientOptions = {},
  ): Promise<void> {
    const task: Task = { kind: 'gradient', target: target.class, score: target.score };
    await this.#stream(batch, task, options.signal, (i, { raw, gradients }) => {
      consume(i, gradients[0]!, { raw: raw! });
    });
  }

  async activations(
    batch: Batch,
    layers: readonly string[],
    consume: (i: number, values: readonly Float32Array[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const task: Task = { kind: 'activations', layers };
    await this.#stream(batch, task, signal, (i, { activations }) => consume(i, activations));
  }

  async layerGradients(
    batch: Batch,
    target: Target,
    layers: readonly string[],
    consume: (i: number, values: readonly LayerSlopes[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const task: Task = { kind: 'layers', layers, target: target.class, score: target.score };
    await this.#stream(batch, task, signal, (i, { activations, gradients }) => {
      consume(
        i,
        layers.map((_, k) => ({ activations: activations[k]!, gradients: gradients[k]! })),
      );
    });
  }

  async continueFrom(
    layer: Layer,
    batch: Batch,
    image: Float32Array,
    consume: (i: number, raw: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<number> {
    const task: Task = { kind: 'continue', layer: layer.name };
    await this.#stream(batch, task, signal, (i, { raw }) => consume(i, raw!), { shape: layer.shape, image });
    return 0;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** @param given the shape of the layer's values that the batch writes, where it writes no images, and the image */
  async #stream(
    batch: Batch,
    task: Task,
    signal: AbortSignal | undefined,
    consume: (i: number, found: ImageAnswer) => void,
    given?: { readonly shape: readonly number[]; readonly image: Float32Array },
  ): Promise<void> {
    const { height, width, channels } = this.image;
    const written = given?.shape ?? [height, width, channels];
    const size = sizeOf(written);
    await inMicroBatches(
      batch.count,
      { microBatch: this.#microBatch, underWay: this.#pool.size * IN_FLIGHT, signal },
      ({ first, count }) => {
        const data = new Float32Array(count * size);
        for (let j = 0; j < count; j++) batch.write(first + j, data.subarray(j * size, (j + 1) * size));
        const own: NetworkValues = { shape: [count, ...written], data };
        if (!given) return this.#pool.one('compute', { task, images: own });
        const image = { shape: [1, height, width, channels], data: given.image.slice() };
        return this.#pool.one('compute', { task, images: image, given: own });
      },
      ({ first, count }, answer) => {
        for (let j = 0; j < count; j++) consume(first + j, foundOf(answer, j, count));
      },
    );
  }
}

/** What an answer about `count` images tells of the j-th. */
function foundOf({ raw, gradients = [], activations = [] }: ComputedAnswer, j: number, count: number): ImageAnswer {
  const own = (data: Float32Array) => part(data, j, count);
  return { raw: raw && own(raw), gradients: gradients.map(own), activations: activations.map(own) };
}
