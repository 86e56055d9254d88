import type {
  AttentionOnImage,
  BackwardRules,
  Batch,
  BiasTerm,
  GradientOptions,
  Target,
} from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { imageOf, toChannelsFirst } from '../../shared/images.ts';
import { throwIfAborted } from '../../shared/in-order.ts';
import type { Layer, Layout } from '../../shared/layer-map.ts';
import { layoutOf } from '../../shared/layer-values.ts';
import { inMicroBatches, part } from '../../shared/micro-batches.ts';
import type { BackwardFindings, ImageShape, LayerSlopes, NetworkRunner } from '../../shared/network-runner.ts';
import type { Head } from '../../shared/scores.ts';
import { IN_FLIGHT } from '../../shared/worker-pool.ts';
import { ruleSetOf } from '../autodiff/index.ts';
import type { AttentionStructure } from '../graph/attention-blocks.ts';
import type { PixelGrids } from '../layers/measure-grids.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { AttentionReader } from './attention.ts';
import { biasGradients } from './bias-gradients.ts';
import type { Feed } from './onnx-messages.ts';
import type { OnnxPool } from './onnx-pool.ts';
import {
  activationsProgram,
  continuationProgram,
  forwardProgram,
  gradientProgram,
  type Program,
  type ProgramKind,
  programKey,
  rulesProgram,
} from './programs.ts';
import { MODES } from './seed.ts';

/** How sessions of one kind run. */
export interface ExecutorSettings {
  readonly microBatch: number;
  readonly workers: number;
  readonly threads: number;
}

export interface OnnxExecutorParts {
  readonly model: NormalisedModel;
  readonly head: Head;
  readonly image: ImageShape;
  readonly pool: OnnxPool;
  /** Which tensors have pixels, and how they lie. */
  readonly grids: PixelGrids;
  /** Where the model has self-attention. */
  readonly attention?: AttentionStructure | undefined;
  /** Programs that were built before, by `programKey`: each is taken once. */
  readonly built?: Map<string, Program>;
  /**
   * Opens a program in the pool.
   * @param kind programs of one kind cost much the same, so one sweep serves them all
   * @param graph what tables call it: `forward`, `gradient`, or the layer that it is for
   */
  prepare(program: Program, kind: ProgramKind, graph: string): Promise<Prepared>;
}

/** A session that is open in the pool under that name, and how to use it. */
export interface Prepared {
  readonly session: string;
  readonly settings: ExecutorSettings;
}

interface Session<P extends Program = Program> extends Prepared {
  readonly program: P;
}

/** Values that are fed for each item of a batch: images, or those of a layer. */
interface RowShape {
  /** The graph's input. */
  readonly name: string;
  /** Without the batch. */
  readonly dims: readonly number[];
  readonly pixels: number;
  readonly channels: number;
  readonly layout: Layout;
}

/** Sessions beside the forward and the gradient one that are kept open: each holds weights in every worker. */
const SESSIONS_KEPT = 6;

/**
 * Streams images through a model's sessions. The forward session is opened at once, the others when they are first
 * needed. The images of a micro-batch are written while the workers compute others.
 */
export class OnnxExecutor implements NetworkRunner {
  readonly head: Head;
  readonly image: ImageShape;
  /** Whom the time on the device belongs to from now on. */
  label: string | undefined;
  readonly #parts: OnnxExecutorParts;
  readonly #sessions = new Map<string, Promise<Session>>();
  /** Sessions that may be closed for others, the one used last at the end, and how many calls use each. */
  readonly #passing = new Map<string, number>();
  #attention: AttentionReader | undefined;
  /** Buffers to write images into, by their length. */
  readonly #free = new Map<number, Float32Array[]>();

  private constructor(parts: OnnxExecutorParts) {
    this.#parts = parts;
    this.head = parts.head;
    this.image = parts.image;
  }

  /** @throws CtXaiError ENGINE if ONNX Runtime does not take the graph. */
  static async open(parts: OnnxExecutorParts): Promise<OnnxExecutor> {
    const executor = new OnnxExecutor(parts);
    await executor.#forward();
    return executor;
  }

  /** How the forward session runs. */
  async settings(): Promise<ExecutorSettings> {
    return (await this.#forward()).settings;
  }

  async forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void> {
    const session = await this.#forward();
    await this.#stream(session, this.#images(), batch, signal, noFeeds, (i, row) => consume(i, row(this.#output)));
  }

  async gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, found: BackwardFindings) => void,
    options: GradientOptions = {},
  ): Promise<void> {
    const { image } = this.#parts;
    const { rules, signal } = options;
    const shape = { pixels: image.height * image.width, channels: image.channels, layout: image.layout };
    const scratch = new Float32Array(shape.pixels * shape.channels);
    await this.#withRules(rules, async session => {
      const { reference, sums, notes = [], gradients } = session.program;
      const compared = reference && referenceBatch(options.reference, batch.count, shape.pixels * shape.channels);
      for (const note of notes) options.noted?.(note);
      const feeds = (rows: number, count: number, first: number) => [
        ...this.#seeds(session.program, target, rows, count),
        ...(compared ? [this.#feed({ ...this.#images(), name: reference!.image }, compared, first, count, rows)] : []),
      ];
      await this.#stream(session, this.#images(), batch, signal, feeds, (i, row) => {
        consume(i, imageOf(row(gradients![0]!), 0, shape, scratch), {
          raw: row(this.#output),
          ...(reference ? { referenceRaw: row(reference.scores) } : {}),
          ...(sums ? { sums: namedSums(sums.names, row(sums.output)) } : {}),
        });
      });
    });
  }

  /** Uses the session of the gradient, or of backward rules in its place. */
  async #withRules(rules: BackwardRules | undefined, use: (session: Session) => Promise<void>): Promise<void> {
    const { model, head } = this.#parts;
    if (rules === undefined || ruleSetOf(rules) === undefined) {
      const make = () => gradientProgram(model, head, [model.input]);
      return use(await this.#session(programKey('gradient'), make, 'gradient', 'gradient'));
    }
    const name = nameOf(rules);
    return this.#using('rules', [name], () => rulesProgram(model, head, rules), name, use);
  }

  async activations(
    batch: Batch,
    layers: readonly string[],
    consume: (i: number, values: readonly Float32Array[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const make = () => activationsProgram(this.#parts.model, layers);
    await this.#using('activations', layers, make, `activations of ${layers.join(', ')}`, async session => {
      await this.#stream(session, this.#images(), batch, signal, noFeeds, (i, row) => consume(i, layers.map(row)));
    });
  }

  async layerGradients(
    batch: Batch,
    target: Target,
    layers: readonly string[],
    consume: (i: number, values: readonly LayerSlopes[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { model, head } = this.#parts;
    const make = () => gradientProgram(model, head, layers);
    await this.#using('layer', layers, make, layers.join(', '), async session => {
      const seeds = (rows: number, count: number) => this.#seeds(session.program, target, rows, count);
      await this.#stream(session, this.#images(), batch, signal, seeds, (i, row) => {
        consume(
          i,
          layers.map((name, k) => ({ activations: row(name), gradients: row(session.program.gradients![k]!) })),
        );
      });
    });
  }

  async continueFrom(
    layer: Layer,
    batch: Batch,
    image: Float32Array,
    consume: (i: number, raw: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<number> {
    const { model } = this.#parts;
    const make = () => continuationProgram(model, layer.name);
    const graph = `behind ${layer.name}`;
    return this.#using('continuation', [layer.name], make, graph, async ({ program, ...prepared }) => {
      const { sides, before } = program;
      const found = sides.length > 0 ? await this.#sidesOf(layer.name, before, image, signal) : undefined;
      const feeds = () =>
        sides.map(({ tensor, input }): Feed => {
          const { data, dims } = found!.get(tensor)!;
          return { name: input, dims, data: data.slice() };
        });
      const dims = model.infos.get(layer.name)!.dims.slice(1) as number[];
      const rowShape = { name: layer.name, dims, ...layoutOf(layer) };
      const rows = await this.#withSkipped(layer, batch, image, signal);
      await this.#stream({ program, ...prepared }, rowShape, rows, signal, feeds, (i, row) => {
        consume(i, row(this.#output));
      });
      return (before ? 1 : 0) + (rows === batch ? 0 : 1);
    });
  }

  biasGradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, raw: Float32Array, terms: readonly BiasTerm[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { model, head, image, grids } = this.#parts;
    return biasGradients(this, { model, head, layout: image.layout, grids }, batch, target, consume, signal);
  }

  async attention(image: Batch, target: Target | undefined, signal?: AbortSignal): Promise<AttentionOnImage> {
    const { model, head, attention } = this.#parts;
    this.#attention ??= new AttentionReader(this, model, head, attention!);
    return this.#attention.read(image, target, signal);
  }

  /**
   * Runs images through a program one after the other, each in a batch of its own where the model's batch is free: for
   * programs with large outputs, or whose outputs' first axis is not the batch.
   * @param graph what tables call it
   */
  async eachAlone<P extends Program>(
    kind: ProgramKind,
    make: () => P,
    graph: string,
    { batch, target, signal }: { batch: Batch; target: Target | undefined; signal: AbortSignal | undefined },
    consume: (i: number, row: (output: string) => Float32Array, program: P) => void,
  ): Promise<void> {
    await this.#using(kind, [graph], make, graph, async ({ program, session, settings }) => {
      const microBatch = this.#parts.model.dynamicBatch ? 1 : settings.microBatch;
      const alone = { program, session, settings: { ...settings, microBatch } };
      const seeds = (rows: number, count: number) => (target ? this.#seeds(program, target, rows, count) : []);
      await this.#stream(alone, this.#images(), batch, signal, seeds, (i, row) => consume(i, row, program));
    });
  }

  /** A layer's values with those that come before its pixels', such as a class token's, which stay the image's. */
  async #withSkipped(layer: Layer, batch: Batch, image: Float32Array, signal?: AbortSignal): Promise<Batch> {
    const { name, skipped = 0 } = layer;
    if (skipped === 0) return batch;
    const own = new Float32Array(skipped);
    const one = { count: 1, write: (_: number, out: Float32Array) => out.set(image) };
    await this.activations(one, [name], (_, [values]) => own.set(values!.subarray(0, skipped)), signal);
    return {
      count: batch.count,
      write(i, out) {
        out.set(own);
        batch.write(i, out.subarray(skipped));
      },
    };
  }

  /** The image in the graph's layout, and the tensors that `before` computes of it, as feeds by their names. */
  async #sidesOf(
    layer: string,
    before: Program | undefined,
    image: Float32Array,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, Pick<Feed, 'dims' | 'data'>>> {
    const { model } = this.#parts;
    const rowShape = this.#images();
    const fixed = model.dynamicBatch ? 1 : model.graph.inputs[0]!.dims[0]!;
    const own = { count: fixed, write: (_: number, out: Float32Array) => out.set(image) };
    const { dims, data } = this.#feed(rowShape, own, 0, fixed, fixed);
    const found = new Map([[model.input, { dims, data }]]);
    if (!before) return found;
    const session = ['before', layer];
    await this.#using(
      'activations',
      session,
      () => before,
      `beside ${layer}`,
      async ({ program, ...prepared }) => {
        throwIfAborted(signal);
        const feed = { name: model.input, dims, data: data.slice() };
        const { outputs } = await this.#parts.pool.run(prepared.session, [feed], 1, this.label);
        for (const { name, dims: own } of program.graph.outputs) {
          found.set(name, { dims: [fixed, ...(own.slice(1) as number[])], data: outputs[name]! });
        }
      },
    );
    return found;
  }

  /**
   * Uses a session that is opened where it is not open, and that may be closed for others afterwards.
   * @param graph what tables call it
   */
  async #using<P extends Program, T>(
    kind: ProgramKind,
    tensors: readonly string[],
    make: () => P,
    graph: string,
    use: (session: Session<P>) => Promise<T>,
  ): Promise<T> {
    const key = programKey(kind, tensors);
    const users = this.#passing.get(key) ?? 0;
    this.#passing.delete(key);
    this.#passing.set(key, users + 1);
    try {
      return await use(await this.#session(key, make, kind, graph));
    } finally {
      this.#passing.set(key, this.#passing.get(key)! - 1);
      await this.#dropSessions();
    }
  }

  /** Closes the sessions that were used longest ago. */
  async #dropSessions(): Promise<void> {
    for (const [key, users] of this.#passing) {
      if (this.#passing.size <= SESSIONS_KEPT) return;
      if (users > 0) continue;
      this.#passing.delete(key);
      const opening = this.#sessions.get(key);
      this.#sessions.delete(key);
      const session = await opening?.catch(() => undefined);
      // A pool that was closed meanwhile has released them all.
      if (session) await this.#parts.pool.drop(session.session).catch(() => undefined);
    }
  }

  close(): Promise<void> {
    return this.#parts.pool.close();
  }

  #forward(): Promise<Session> {
    return this.#session(programKey('forward'), () => forwardProgram(this.#parts.model), 'forward', 'forward');
  }

  /** The session of that name, opened when it is first asked for; one that could not be opened is tried again. */
  #session<P extends Program>(key: string, make: () => P, kind: ProgramKind, graph: string): Promise<Session<P>> {
    const known = this.#sessions.get(key) as Promise<Session<P>> | undefined;
    if (known !== undefined) return known;
    const { built, prepare } = this.#parts;
    const opening = (async () => {
      const program = (built?.get(key) as P | undefined) ?? make();
      built?.delete(key);
      return { program, ...(await prepare(program, kind, graph)) };
    })();
    this.#sessions.set(key, opening);
    opening.catch(() => this.#sessions.delete(key));
    return opening;
  }

  /**
   * @param feeds what a micro-batch is fed besides: of so many rows, of which the first `count` are asked for, the first
   *   being item `first` of the batch
   * @param consume receives what each output has for the i-th item
   */
  async #stream(
    session: Session,
    rowShape: RowShape,
    batch: Batch,
    signal: AbortSignal | undefined,
    feeds: (rows: number, count: number, first: number) => readonly Feed[],
    consume: (i: number, row: (output: string) => Float32Array) => void,
  ): Promise<void> {
    const { microBatch, workers } = session.settings;
    const { pool, model } = this.#parts;
    // A batch that is fixed is filled up.
    const rowsOf = (count: number) => (model.dynamicBatch ? count : microBatch);
    await inMicroBatches(
      batch.count,
      { microBatch, underWay: workers * IN_FLIGHT, signal },
      ({ first, count }) => {
        const rows = rowsOf(count);
        const own = this.#feed(rowShape, batch, first, count, rows);
        return pool.run(session.session, [own, ...feeds(rows, count, first)], workers, this.label);
      },
      ({ first, count }, { outputs, returned }) => {
        const rows = rowsOf(count);
        for (let j = 0; j < count; j++) consume(first + j, output => part(outputs[output]!, j, rows));
        this.#recycle(returned[0]!);
      },
    );
  }

  /** The model's images. */
  #images(): RowShape {
    const { height, width, channels, layout } = this.image;
    const dims = layout === 'NCHW' ? [channels, height, width] : [height, width, channels];
    return { name: this.#parts.model.input, dims, pixels: height * width, channels, layout };
  }

  /** Items `first`… of a batch, in the graph's layout. */
  #feed({ name, dims, ...shape }: RowShape, batch: Batch, first: number, count: number, rows: number): Feed {
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

  #seeds(program: Program, target: Target, rows: number, count: number): Feed[] {
    if (program.target === undefined || program.mode === undefined) return [];
    const { head } = this.#parts;
    const units = this.#units();
    const data = new Float32Array(rows * units);
    for (let j = 0; j < count; j++) {
      if (head.task === 'sigmoid') data[j] = target.class === 1 ? 1 : -1;
      else data[j * units + target.class] = 1;
    }
    return [
      { name: program.target, dims: [rows, units], data },
      { name: program.mode, dims: [2], data: Float32Array.from(MODES[target.score]) },
    ];
  }

  #units(): number {
    const { model } = this.#parts;
    return model.infos.get(model.output)!.dims[1]!;
  }

  /** The model's raw scores, by name. */
  get #output(): string {
    return this.#parts.model.output;
  }

  #recycle(buffer: Float32Array): void {
    const kept = this.#free.get(buffer.length) ?? [];
    kept.push(buffer);
    this.#free.set(buffer.length, kept);
  }
}

const noFeeds = (): readonly Feed[] => [];

/** What tables call backward rules: the name, and the options where there are some. */
function nameOf({ name, options = {} }: BackwardRules): string {
  return Object.keys(options).length === 0 ? name : `${name} ${JSON.stringify(options)}`;
}

function namedSums(names: readonly string[], values: Float32Array): Record<string, number> {
  return Object.fromEntries(names.map((name, k) => [name, values[k]!]));
}

/**
 * Reference images as a batch of as many as there are images.
 * @throws CtXaiError USAGE where there is not one for all, or one for each
 */
function referenceBatch(given: Batch | undefined, count: number, size: number): Batch {
  if (given?.count === count) return given;
  if (given?.count !== 1) {
    const there = given ? `there are ${given.count}` : 'there is none';
    throw new CtXaiError('USAGE', `these backward rules compare ${count} images with reference images: ${there}.`, {
      hint: 'Give one for all, or one for each.',
    });
  }
  const image = new Float32Array(size);
  given.write(0, image);
  return { count, write: (_, out) => out.set(image) };
}
