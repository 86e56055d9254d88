import { attr, constant, DType, type Graph, type Node, type TensorInfo, type ValueInfo } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/** A trainable tensor, or a running statistic (which is not trained). */
export interface TrainedParameter {
  readonly name: string;
  readonly dims: readonly number[];
  /** `he`: N(0, √(2 / fan in)); `lecun`: N(0, √(1 / fan in)). */
  readonly start: 'he' | 'lecun' | 'zeros' | 'ones';
  readonly kind: 'weight' | 'scale' | 'bias' | 'running-mean' | 'running-variance';
}

export type WeightArrays = ReadonlyMap<string, Float32Array>;

export const OPSET = 17;
const EPSILON = 1e-3;

/**
 * Writes a convolutional classifier as a graph. Without weights it is the training graph: parameters are inputs and
 * batch normalisation uses the batch's own statistics, which it also gives out. With weights it is the graph that is
 * shipped: parameters are constants and batch normalisation uses the running statistics.
 */
export class TrainedNetwork {
  readonly parameters: TrainedParameter[] = [];
  /** Normalisation layers: the names of their running statistics and of the batch's, which update them. */
  readonly statistics: { mean: string; variance: string; batchMean: string; batchVariance: string }[] = [];
  readonly #nodes: Node[] = [];
  readonly #infos = new Map<string, TensorInfo>();
  readonly #constants = new Map<string, ReturnType<typeof constant.float>>();
  readonly #weights: WeightArrays | undefined;
  readonly #counts = new Map<string, number>();

  constructor(input: { channels: number; size: readonly [number, number] }, weights?: WeightArrays) {
    this.#weights = weights;
    this.#infos.set('image', { dtype: DType.float, dims: [null, input.channels, ...input.size] });
  }

  /** Convolution without bias, stride as given, padded to keep the size (÷ stride). */
  conv(x: string, channels: number, kernel: number, stride = 1): string {
    const [, from, h, w] = this.#dims(x);
    const name = this.#layer('conv');
    const weight = this.#parameter(`${name}.weight`, [channels, from!, kernel, kernel], 'he', 'weight');
    const pad = (kernel - 1) / 2;
    return this.#emit(name, 'Conv', [x, weight], [null, channels, Math.ceil(h! / stride), Math.ceil(w! / stride)], {
      kernel_shape: attr.ints([kernel, kernel]),
      strides: attr.ints([stride, stride]),
      pads: attr.ints([pad, pad, pad, pad]),
    });
  }

  /** Batch normalisation (Ioffe and Szegedy 2015). */
  norm(x: string): string {
    const dims = this.#dims(x);
    const channels = dims[1]!;
    const name = this.#layer('norm');
    const scale = this.#parameter(`${name}.scale`, [channels], 'ones', 'scale');
    const bias = this.#parameter(`${name}.bias`, [channels], 'zeros', 'bias');
    const mean = this.#parameter(`${name}.running-mean`, [channels], 'zeros', 'running-mean');
    const variance = this.#parameter(`${name}.running-variance`, [channels], 'ones', 'running-variance');
    const inputs = [x, scale, bias, mean, variance];
    const attrs = { epsilon: attr.float(EPSILON) };
    if (this.#weights) return this.#emit(name, 'BatchNormalization', inputs, dims, attrs);
    const [batchMean, batchVariance] = [`${name}.batch-mean`, `${name}.batch-variance`];
    for (const s of [batchMean, batchVariance]) this.#infos.set(s, { dtype: DType.float, dims: [channels] });
    this.statistics.push({ mean, variance, batchMean, batchVariance });
    // Momentum 0: the second and third outputs are the batch's own statistics.
    return this.#emit(
      name,
      'BatchNormalization',
      inputs,
      dims,
      { ...attrs, training_mode: attr.int(1), momentum: attr.float(0) },
      [batchMean, batchVariance],
    );
  }

  relu(x: string): string {
    return this.#emit(this.#layer('relu'), 'Relu', [x], this.#dims(x));
  }

  /** Halves the size. */
  pool(x: string, kind: 'max' | 'average'): string {
    const [, c, h, w] = this.#dims(x);
    const op = kind === 'max' ? 'MaxPool' : 'AveragePool';
    return this.#emit(this.#layer('pool'), op, [x], [null, c!, Math.floor(h! / 2), Math.floor(w! / 2)], {
      kernel_shape: attr.ints([2, 2]),
      strides: attr.ints([2, 2]),
    });
  }

  concat(parts: readonly string[]): string {
    if (parts.length === 1) return parts[0]!;
    const dims = parts.map(p => this.#dims(p));
    const channels = dims.reduce((sum, d) => sum + d[1]!, 0);
    return this.#emit(this.#layer('concat'), 'Concat', parts, [null, channels, ...dims[0]!.slice(2)], {
      axis: attr.int(1),
    });
  }

  /** Mean over all pixels, [n, channels]. */
  globalAverage(x: string): string {
    const [, c] = this.#dims(x);
    const pooled = this.#emit(this.#layer('global-pool'), 'GlobalAveragePool', [x], [null, c!, 1, 1]);
    return this.#emit(this.#layer('flatten'), 'Flatten', [pooled], [null, c!], { axis: attr.int(1) });
  }

  dense(x: string, units: number): string {
    const [, from] = this.#dims(x);
    const name = this.#layer('dense');
    const weight = this.#parameter(`${name}.weight`, [units, from!], 'lecun', 'weight');
    const bias = this.#parameter(`${name}.bias`, [units], 'zeros', 'bias');
    return this.#emit(name, 'Gemm', [x, weight, bias], [null, units], { transB: attr.int(1) });
  }

  channels(x: string): number {
    return this.#dims(x)[1]!;
  }

  /** The finished graph with `logits` as its output. */
  finish(x: string): NormalisedModel {
    this.#emit('logits', 'Identity', [x], this.#dims(x));
    const value = (name: string): ValueInfo => ({ name, ...this.#infos.get(name)! });
    const inputs = this.#weights ? [] : this.parameters.map(p => value(p.name));
    const graph: Graph = {
      opset: OPSET,
      nodes: this.#nodes,
      constants: this.#constants,
      inputs: [value('image'), ...inputs],
      outputs: [value('logits')],
    };
    return {
      graph,
      infos: this.#infos,
      values: this.#constants,
      aliases: new Map(),
      input: 'image',
      output: 'logits',
      dynamicBatch: true,
    };
  }

  #dims(x: string): readonly (number | null)[] {
    return this.#infos.get(x)!.dims;
  }

  #layer(kind: string): string {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return `${kind}-${count}`;
  }

  #parameter(
    name: string,
    dims: readonly number[],
    start: TrainedParameter['start'],
    kind: TrainedParameter['kind'],
  ): string {
    this.parameters.push({ name, dims, start, kind });
    this.#infos.set(name, { dtype: DType.float, dims });
    const data = this.#weights?.get(name);
    if (this.#weights) this.#constants.set(name, constant.float(dims, data!));
    return name;
  }

  #emit(
    name: string,
    op: string,
    inputs: readonly string[],
    dims: readonly (number | null)[],
    attrs: Node['attrs'] = {},
    further: readonly string[] = [],
  ): string {
    this.#nodes.push({ op, domain: '', name: `${name}.node`, inputs: [...inputs], outputs: [name, ...further], attrs });
    this.#infos.set(name, { dtype: DType.float, dims });
    return name;
  }
}
