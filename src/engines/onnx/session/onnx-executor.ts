import type {
  AttentionOnImage,
  BackwardRules,
  Batch,
  BiasTerm,
  ChangesWorth,
  GradientOptions,
  Target,
} from '../../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { imageDims, imageOf } from '../../shared/images.ts';
import { throwIfAborted } from '../../shared/in-order.ts';
import type { Layer } from '../../shared/layer-map.ts';
import { layoutOf } from '../../shared/layer-values.ts';
import { inMicroBatches, part } from '../../shared/micro-batches.ts';
import type { BackwardFindings, ImageShape, LayerSlopes, NetworkRunner } from '../../shared/network-runner.ts';
import type { Head } from '../../shared/scores.ts';
import { IN_FLIGHT } from '../../shared/worker-pool.ts';
import { ruleSetOf } from '../autodiff/index.ts';
import { ChangedRegions, type RememberedChanges } from '../changes/changed-regions.ts';
import type { AttentionStructure } from '../graph/attention-blocks.ts';
import type { PixelGrids } from '../layers/measure-grids.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { AttentionReader } from './attention.ts';
import { biasGradients } from './bias-gradients.ts';
import type { Feed } from './onnx-messages.ts';
import { type ExecutorSettings, type ProgramSession, ProgramSessions, type SessionParts } from './program-sessions.ts';
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
import { RowFeeds, type RowShape } from './row-feeds.ts';
import { MODES } from './seed.ts';

export interface OnnxExecutorParts extends SessionParts {
  readonly model: NormalisedModel;
  readonly head: Head;
  readonly image: ImageShape;
  /** Which tensors have pixels, and how they lie. */
  readonly grids: PixelGrids;
  /** Where the model has self-attention. */
  readonly attention?: AttentionStructure | undefined;
  /** What was found earlier of computing only what changed from image to image; or why it is not done. */
  readonly changes: RememberedChanges | { readonly reason: string };
}

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
  readonly #sessions: ProgramSessions;
  readonly #feeds = new RowFeeds();
  #attention: AttentionReader | undefined;
  #changedRegions: ChangedRegions | undefined;

  private constructor(parts: OnnxExecutorParts) {
    this.#parts = parts;
    this.#sessions = new ProgramSessions(parts);
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
    const changes = await this.#changes();
    return changes ? changes.forward(batch, consume, signal) : this.#whole(batch, consume, signal);
  }

  async changesWorth(side: number, image: Float32Array): Promise<ChangesWorth> {
    const { changes: found } = this.#parts;
    return 'reason' in found ? found : (await this.#changes())!.worth(side, image);
  }

  whyNoRules(rules: BackwardRules): string | undefined {
    const { model, head } = this.#parts;
    try {
      rulesProgram(model, head, rules);
      return undefined;
    } catch (error) {
      if (!(error instanceof CtXaiError)) throw error;
      return messageOf(error);
    }
  }

  /** Full inference. */
  async #whole(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void> {
    const session = await this.#forward();
    await this.#stream(session, this.#images(), batch, signal, noFeeds, (i, row) => consume(i, row(this.#output)));
  }

  /** Computes only what changed from image to image, where it may be done. */
  async #changes(): Promise<ChangedRegions | undefined> {
    const { model, image, pool, changes: remembered } = this.#parts;
    if ('reason' in remembered) return undefined;
    if (this.#changedRegions) return this.#changedRegions;
    const { workers, microBatch } = (await this.#forward()).settings;
    this.#changedRegions ??= new ChangedRegions({
      ...{ model, image, pool, workers, microBatch, remembered },
      open: (program, name) => this.#sessions.open(programKey('changes', [name]), () => program, 'changes', name),
      drop: session => this.#sessions.drop(session),
      forward: (batch, consume, signal) => this.#whole(batch, consume, signal),
    });
    return this.#changedRegions;
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
        ...(compared
          ? [this.#feeds.feed({ ...this.#images(), name: reference!.image }, compared, first, count, rows)]
          : []),
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
  async #withRules(rules: BackwardRules | undefined, use: (session: ProgramSession) => Promise<void>): Promise<void> {
    const { model, head } = this.#parts;
    if (rules === undefined || ruleSetOf(rules) === undefined) {
      const make = () => gradientProgram(model, head, [model.input]);
      return use(await this.#sessions.open(programKey('gradient'), make, 'gradient', 'gradient'));
    }
    const name = nameOf(rules);
    return this.#sessions.using('rules', [name], () => rulesProgram(model, head, rules), name, use);
  }

  async activations(
    batch: Batch,
    layers: readonly string[],
    consume: (i: number, values: readonly Float32Array[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const make = () => activationsProgram(this.#parts.model, layers);
    await this.#sessions.using('activations', layers, make, `activations of ${layers.join(', ')}`, async session => {
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
    await this.#sessions.using('layer', layers, make, layers.join(', '), async session => {
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
    return this.#sessions.using('continuation', [layer.name], make, graph, async ({ program, ...prepared }) => {
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
    await this.#sessions.using(kind, [graph], make, graph, async ({ program, session, settings }) => {
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
    const { dims, data } = this.#feeds.feed(rowShape, own, 0, fixed, fixed);
    const found = new Map([[model.input, { dims, data }]]);
    if (!before) return found;
    const session = ['before', layer];
    await this.#sessions.using(
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

  close(): Promise<void> {
    return this.#parts.pool.close();
  }

  #forward(): Promise<ProgramSession> {
    return this.#sessions.open(programKey('forward'), () => forwardProgram(this.#parts.model), 'forward', 'forward');
  }

  /**
   * @param feeds what a micro-batch is fed besides: of so many rows, of which the first `count` are asked for, the first
   *   being item `first` of the batch
   * @param consume receives what each output has for the i-th item
   */
  async #stream(
    session: ProgramSession,
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
        const own = this.#feeds.feed(rowShape, batch, first, count, rows);
        return pool.run(session.session, [own, ...feeds(rows, count, first)], workers, this.label);
      },
      ({ first, count }, { outputs, returned }) => {
        const rows = rowsOf(count);
        for (let j = 0; j < count; j++) consume(first + j, output => part(outputs[output]!, j, rows));
        this.#feeds.recycle(returned[0]!);
      },
    );
  }

  /** The model's images. */
  #images(): RowShape {
    const { height, width, channels, layout } = this.image;
    const dims = imageDims({ size: [height, width], channels, layout });
    return { name: this.#parts.model.input, dims, pixels: height * width, channels, layout };
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
