import type { Batch, Target } from '../../../core/contracts/index.ts';
import type { ImageShape, Passes } from '../../shared/classifier.ts';
import { imageOf, toChannelsFirst } from '../../shared/images.ts';
import { inOrder, throwIfAborted } from '../../shared/in-order.ts';
import type { Feed, RunResult } from '../../shared/messages.ts';
import type { Head } from '../../shared/scores.ts';
import { IN_FLIGHT, type WorkerPool } from '../../shared/worker-pool.ts';
import { differentiate } from '../autodiff/index.ts';
import { simplify } from '../autodiff/optimise/index.ts';
import type { Graph } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { MODES, withSeed } from './seed.ts';

/** How sessions of one kind run. */
export interface Settings {
  readonly microBatch: number;
  readonly workers: number;
  readonly threads: number;
}

/** A graph to be run, and which of its inputs and outputs are what. */
export interface Program {
  readonly graph: Graph;
  readonly target?: string;
  readonly mode?: string;
  readonly gradient?: string;
}

export interface ExecutorParts {
  readonly model: NormalisedModel;
  readonly head: Head;
  readonly image: ImageShape;
  readonly pool: WorkerPool;
  /** Programs for gradients that were built before, by tensor: each is taken once. */
  readonly built?: Map<string, Program>;
  /**
   * Opens a program in the pool.
   * @param kind programs of one kind cost much the same, so one sweep serves them all
   * @param graph what tables call it: `forward`, `gradient`, or the layer that it is for
   */
  prepare(program: Program, kind: Kind, graph: string): Promise<Prepared>;
}

export type Kind = 'forward' | 'gradient' | 'layer';

/** A session that is open in the pool under that name, and how to use it. */
export interface Prepared {
  readonly session: string;
  readonly settings: Settings;
}

interface Session extends Prepared {
  readonly program: Program;
}

/** Sessions of layers that are kept open: each holds a copy of the weights in every worker. */
const LAYERS_KEPT = 4;

/**
 * Streams images through a model's sessions. The forward session is opened at once, those with gradients when they are
 * first needed. The images of a micro-batch are written while the workers compute others.
 */
export class Executor implements Passes {
  readonly head: Head;
  readonly image: ImageShape;
  /** Whom the time on the device belongs to from now on. */
  label: string | undefined;
  readonly #parts: ExecutorParts;
  readonly #sessions = new Map<string, Promise<Session>>();
  /** Layers with open sessions, the one used last at the end, and how many calls use each. */
  readonly #layers = new Map<string, number>();
  /** Buffers to write images into, by their length. */
  readonly #free = new Map<number, Float32Array[]>();

  private constructor(parts: ExecutorParts) {
    this.#parts = parts;
    this.head = parts.head;
    this.image = parts.image;
  }

  /** @throws CtXaiError ENGINE if ONNX Runtime does not take the graph. */
  static async open(parts: ExecutorParts): Promise<Executor> {
    const executor = new Executor(parts);
    await executor.#forward();
    return executor;
  }

  /** How the forward session runs. */
  async settings(): Promise<Settings> {
    return (await this.#forward()).settings;
  }

  async forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void> {
    const session = await this.#forward();
    await this.#stream(session, batch, undefined, signal, (result, first, count) => {
      for (let j = 0; j < count; j++) consume(first + j, this.#raw(result, j));
    });
  }

  async gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, raw: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { model, image } = this.#parts;
    const session = await this.#gradientOf(model.input);
    const shape = { pixels: image.height * image.width, channels: image.channels, layout: image.layout };
    const scratch = new Float32Array(shape.pixels * shape.channels);
    await this.#stream(session, batch, target, signal, (result, first, count) => {
      const gradient = result.outputs[session.program.gradient!]!;
      for (let j = 0; j < count; j++) consume(first + j, imageOf(gradient, j, shape, scratch), this.#raw(result, j));
    });
  }

  async layer(
    batch: Batch,
    target: Target,
    layer: string,
    consume: (i: number, result: { activations: Float32Array; gradients: Float32Array }, from: number) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const users = this.#layers.get(layer) ?? 0;
    this.#layers.delete(layer);
    this.#layers.set(layer, users + 1);
    try {
      const session = await this.#gradientOf(layer);
      await this.#stream(session, batch, target, signal, (result, first, count) => {
        const activations = result.outputs[layer]!;
        const gradients = result.outputs[session.program.gradient!]!;
        for (let j = 0; j < count; j++) consume(first + j, { activations, gradients }, j);
      });
    } finally {
      this.#layers.set(layer, this.#layers.get(layer)! - 1);
      await this.#dropLayers();
    }
  }

  /** Closes the sessions of layers that were used longest ago. */
  async #dropLayers(): Promise<void> {
    for (const [layer, users] of this.#layers) {
      if (this.#layers.size <= LAYERS_KEPT) return;
      if (users > 0) continue;
      this.#layers.delete(layer);
      const opening = this.#sessions.get(layer);
      this.#sessions.delete(layer);
      const session = await opening?.catch(() => undefined);
      // A pool that was closed meanwhile has released them all.
      if (session) await this.#parts.pool.drop(session.session).catch(() => undefined);
    }
  }

  close(): Promise<void> {
    return this.#parts.pool.close();
  }

  /** The program for a gradient, and for the values of a tensor other than the input. @throws CtXaiError OPERATOR or LAYER */
  static program(model: NormalisedModel, head: Head, wrt: string): Program {
    const keep = wrt === model.input ? [model.output] : [model.output, wrt];
    const made = differentiate(model, { wrt, of: model.output, keep });
    const units = model.infos.get(model.output)!.dims[1]!;
    const seeded = withSeed(made.graph, made.seed, model.output, units, head);
    return { ...seeded, gradient: made.gradient };
  }

  #forward(): Promise<Session> {
    return this.#session('', () => ({ graph: simplify(this.#parts.model).graph }), 'forward');
  }

  #gradientOf(tensor: string): Promise<Session> {
    const { model, head, built } = this.#parts;
    const program = () => {
      const made = built?.get(tensor);
      built?.delete(tensor);
      return made ?? Executor.program(model, head, tensor);
    };
    return this.#session(tensor, program, tensor === model.input ? 'gradient' : 'layer');
  }

  /** The session of that name, opened when it is first asked for; one that could not be opened is tried again. */
  #session(name: string, make: () => Program, kind: Kind): Promise<Session> {
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const opening = (async () => {
      const program = make();
      return { program, ...(await this.#parts.prepare(program, kind, kind === 'layer' ? name : kind)) };
    })();
    this.#sessions.set(name, opening);
    opening.catch(() => this.#sessions.delete(name));
    return opening;
  }

  async #stream(
    session: Session,
    batch: Batch,
    target: Target | undefined,
    signal: AbortSignal | undefined,
    consume: (result: RunResult, first: number, count: number) => void,
  ): Promise<void> {
    const { microBatch, workers } = session.settings;
    throwIfAborted(signal);
    const many = Math.ceil(batch.count / microBatch);
    await inOrder(
      many,
      workers * IN_FLIGHT,
      i => {
        const first = i * microBatch;
        const count = Math.min(microBatch, batch.count - first);
        const feeds = [this.#images(session, batch, first, count), ...this.#seeds(session, target, count)];
        return this.#parts.pool.run(session.session, feeds, workers, this.label);
      },
      (i, result) => {
        const first = i * microBatch;
        consume(result, first, Math.min(microBatch, batch.count - first));
        this.#recycle(result.returned[0]!);
      },
      signal,
    );
  }

  /** Images `first`… of a batch, in the model's layout. */
  #images(session: Session, batch: Batch, first: number, count: number): Feed {
    const { height, width, channels, layout } = this.image;
    const { model } = this.#parts;
    const size = height * width * channels;
    const rowCount = model.dynamicBatch ? count : session.settings.microBatch;
    const data = this.#free.get(rowCount * size)?.pop() ?? new Float32Array(rowCount * size);
    const scratch = layout === 'NCHW' && channels > 1 ? new Float32Array(size) : undefined;
    for (let j = 0; j < count; j++) {
      const place = data.subarray(j * size, (j + 1) * size);
      batch.write(first + j, scratch ?? place);
      if (scratch) toChannelsFirst(scratch, place, height * width, channels);
    }
    const dims = layout === 'NCHW' ? [rowCount, channels, height, width] : [rowCount, height, width, channels];
    return { name: model.input, dims, data };
  }

  #seeds(session: Session, target: Target | undefined, count: number): Feed[] {
    const { program, settings } = session;
    if (!target || program.target === undefined || program.mode === undefined) return [];
    const { model, head } = this.#parts;
    const units = model.infos.get(model.output)!.dims[1]!;
    const rowCount = model.dynamicBatch ? count : settings.microBatch;
    const data = new Float32Array(rowCount * units);
    for (let j = 0; j < count; j++) {
      if (head.task === 'sigmoid') data[j] = target.class === 1 ? 1 : -1;
      else data[j * units + target.class] = 1;
    }
    return [
      { name: program.target, dims: [rowCount, units], data },
      { name: program.mode, dims: [2], data: Float32Array.from(MODES[target.score]) },
    ];
  }

  /** The raw scores of the j-th image of a micro-batch. */
  #raw(result: RunResult, j: number): Float32Array {
    const { model } = this.#parts;
    const units = model.infos.get(model.output)!.dims[1]!;
    return result.outputs[model.output]!.subarray(j * units, (j + 1) * units);
  }

  #recycle(buffer: Float32Array): void {
    const kept = this.#free.get(buffer.length) ?? [];
    kept.push(buffer);
    this.#free.set(buffer.length, kept);
  }
}
