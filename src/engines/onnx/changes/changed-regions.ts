import type { Batch, ChangesWorth } from '../../../core/contracts/index.ts';
import { messageOf } from '../../../core/errors.ts';
import { createRng } from '../../../core/rng.ts';
import type { ImageShape } from '../../shared/network-runner.ts';
import { IN_FLIGHT } from '../../shared/worker-pool.ts';
import type { Graph } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { OnnxPool } from '../session/onnx-pool.ts';
import type { ProgramSession } from '../session/program-sessions.ts';
import type { Program } from '../session/programs.ts';
import { changedBox, sideOf } from './changed-box.ts';
import { cutNetwork, localPart } from './cuts.ts';
import type { KeptNetworkPlan } from './kept-network.ts';
import { commonImage, type Recomputing, recompute } from './recompute.ts';

/** What was found earlier about squares of a side. */
export interface RememberedChanges {
  recall(side: number): ChangesWorth | undefined;
  remember(side: number, worth: ChangesWorth): void;
}

export interface ChangedRegionsParts {
  readonly model: NormalisedModel;
  readonly image: ImageShape;
  readonly pool: OnnxPool;
  readonly workers: number;
  readonly remembered: RememberedChanges;
  open(program: Program, name: string): Promise<ProgramSession>;
  drop(session: ProgramSession): Promise<void>;
  /** Raw scores by full inference. */
  forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void>;
}

/** Smaller batches are not looked at: to open sessions and to measure would cost more than is saved. */
const SMALLEST_BATCH = 96;
/** Images of a batch that are compared with what they have in common, and each with the last, before it is decided how they run. */
const LOOKED_AT = 12;
/** Sides of changed squares are rounded up to a multiple of this, pixels. */
const GRAIN = 8;
/** Sizes of squares at most: the sessions of each hold the weights anew. */
const MOST_SIDES = 3;
/** What takes less is not worth an attempt, milliseconds for one image. */
const SHORTEST_PASS = 4;
/** Images that are tried for each worker: in whole, and only what changed of them. */
const TRIED = { whole: 8, changed: 32 };
/** Both ways are timed in turn, so often: what runs beside must not decide. The shortest times are compared. */
const ROUNDS = 2;
/** It must be so many times as fast, measured. */
const WORTHWHILE = 1.15;
/** The largest difference of raw scores, relative to the largest score, or to 1. */
const SAME = 1e-5;

/** Runs batches whose images differ in small regions so that only what changed is computed, where that was measured to pay. */
export class ChangedRegions {
  readonly #parts: ChangedRegionsParts;
  /** By the side of the square. */
  readonly #known = new Map<number, Promise<Found>>();

  constructor(parts: ChangedRegionsParts) {
    this.#parts = parts;
  }

  /** Raw scores of each image, by whichever way is faster. */
  async forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void> {
    if (batch.count < SMALLEST_BATCH) return this.#parts.forward(batch, consume, signal);
    const { image } = this.#parts;
    const first = Array.from({ length: LOOKED_AT }, (_, i) => {
      const data = new Float32Array(image.height * image.width * image.channels);
      batch.write(i, data);
      return data;
    });
    const again: Batch = {
      count: batch.count,
      write: (i, out) => (i < LOOKED_AT ? out.set(first[i]!) : batch.write(i, out)),
    };
    const { base, side } = baseOf(first, image);
    const found = side === undefined ? undefined : await this.#find(side, base);
    if (found?.changed) return recompute(found.changed, base, again, consume, signal);
    return this.#parts.forward(again, consume, signal);
  }

  /** What it is worth for squares of that side, pixels: measured on a given image with random values in squares. */
  async worth(side: number, image: Float32Array): Promise<ChangesWorth> {
    return (await this.#find(Math.ceil(side / GRAIN) * GRAIN, image)).worth;
  }

  #find(side: number, image: Float32Array): Promise<Found> {
    const known = this.#known.get(side);
    if (known) return known;
    if (this.#known.size >= MOST_SIDES) return Promise.resolve(without('squares of other sizes are kept ready'));
    const finding = this.#decide(side, image).catch((error: unknown) => without(messageOf(error)));
    this.#known.set(side, finding);
    return finding;
  }

  /** What was decided before holds, so that a run that goes on computes the same way. */
  async #decide(side: number, image: Float32Array): Promise<Found> {
    const { remembered } = this.#parts;
    const before = remembered.recall(side);
    if (before && 'reason' in before) return { worth: before };
    if (!before) {
      const pass = await this.#timeWhole(this.#probes(side, image));
      if (pass < SHORTEST_PASS) {
        const short = without(`one pass takes ${pass.toPrecision(2)} ms only`);
        remembered.remember(side, short.worth);
        return short;
      }
    }
    const opened = await this.#open(side);
    if ('reason' in opened) return { worth: opened };
    if (before) return { worth: before, changed: opened };
    const worth = await this.#measure(side, image, opened);
    remembered.remember(side, worth);
    if ('faster' in worth) return { worth, changed: opened };
    await opened.close();
    return { worth };
  }

  #probes(side: number, image: Float32Array): Batch {
    return probeImages(image, this.#parts.image, side, TRIED.changed * this.#parts.workers);
  }

  /** Milliseconds that full inference takes for one image. */
  async #timeWhole(probes: Batch, keep?: Float32Array[]): Promise<number> {
    const some = { ...probes, count: TRIED.whole * this.#parts.workers };
    const taken = await timed(() =>
      this.#parts.forward(some, (i, raw) => {
        if (keep) keep[i] = raw.slice();
      }),
    );
    return taken / some.count;
  }

  async #measure(side: number, image: Float32Array, opened: Recomputing): Promise<ChangesWorth> {
    const probes = this.#probes(side, image);
    const [whole, changed] = [[] as Float32Array[], [] as Float32Array[]];
    const times = { whole: Number.POSITIVE_INFINITY, changed: Number.POSITIVE_INFINITY };
    for (let round = 0; round < ROUNDS; round++) {
      times.whole = Math.min(times.whole, await this.#timeWhole(probes, whole));
      const take = (i: number, raw: Float32Array) => {
        changed[i] = raw.slice();
      };
      const less = await timed(() => recompute(opened, image, probes, take, undefined));
      times.changed = Math.min(times.changed, less / probes.count);
    }
    const error = largestDifference(changed.slice(0, whole.length), whole);
    // Written so that NaN is a difference.
    if (!(error <= SAME)) return { reason: `scores differ by ${error.toPrecision(2)} from those of whole images` };
    const faster = times.whole / times.changed;
    return faster >= WORTHWHILE ? { faster } : { reason: `it is ${faster.toFixed(2)} times as fast only` };
  }

  /** Opens a cut network in the workers. */
  async #open(side: number): Promise<(Recomputing & { close(): Promise<void> }) | { readonly reason: string }> {
    const { model, image, pool, workers, open, drop } = this.#parts;
    if (image.layout !== 'NCHW') return { reason: 'the file has its channels last' };
    const local = localPart(model);
    const cut = local && cutNetwork(local, side);
    if (!cut) return { reason: 'most of the work lies where a change has spread over the whole image' };
    const name = `changes of ${side} px`;
    const sessions: ProgramSession[] = [];
    const opened = async (graph: Graph, part: string) => {
      const session = await open({ graph }, `${name}, ${part}`);
      sessions.push(session);
      return session.session;
    };
    const close = async () => {
      await pool.forget(name);
      for (const session of sessions) await drop(session);
    };
    try {
      const stages: KeptNetworkPlan['stages'][number][] = [];
      for (const [s, { graph, ...stage }] of cut.stages.entries()) {
        stages.push({ ...stage, session: await opened(graph, `part ${s + 1}`) });
      }
      const rest = { inputs: cut.rest.inputs, session: await opened(cut.rest.graph, 'the rest') };
      await pool.keep(name, { side, stages, rest, output: model.output, image, places: cut.places }, workers);
    } catch (error) {
      await close();
      throw error;
    }
    return {
      size: image.height * image.width * image.channels,
      underWay: workers * IN_FLIGHT,
      run: asked => pool.changed({ name, ...asked }, workers),
      close,
    };
  }
}

interface Found {
  readonly worth: ChangesWorth;
  readonly changed?: Recomputing;
}

const without = (reason: string): Found => ({ worth: { reason } });

async function timed(what: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await what();
  return performance.now() - start;
}

/**
 * What the images of a batch are compared with, and the side of the squares in which most of them differ from it or from
 * the one before (undefined: no small ones): the first image or, where less changes then, what three that lie apart have
 * in common, since the image itself need not be in the batch.
 */
function baseOf(
  images: readonly Float32Array[],
  shape: ImageShape,
): { readonly base: Float32Array; readonly side: number | undefined } {
  const [first, middle, last] = [images[0]!, images[images.length >> 1]!, images.at(-1)!];
  const bases = [first, commonImage(first, middle, last)];
  const found = bases.map(base => ({ base, side: changedSide(base, images, shape) }));
  return found.reduce((a, b) => ((b.side ?? Number.POSITIVE_INFINITY) < (a.side ?? Number.POSITIVE_INFINITY) ? b : a));
}

function changedSide(
  base: Float32Array,
  images: readonly Float32Array[],
  { height, width, channels }: ImageShape,
): number | undefined {
  const sides = images.slice(1).map((data, i) => {
    const boxes = [base, images[i]!].map(other => changedBox(data, other, width, channels));
    return Math.min(...boxes.map(box => (box ? sideOf(box) : 1)));
  });
  const most = sides.sort((a, b) => a - b)[Math.floor(0.9 * sides.length)]!;
  const side = Math.ceil(most / GRAIN) * GRAIN;
  return side <= Math.min(height, width) / 2 ? side : undefined;
}

/** An image, then the image with random values in squares that lie anywhere, corners among them. */
function probeImages(image: Float32Array, { height, width, channels }: ImageShape, side: number, count: number): Batch {
  const random = createRng(`changes of ${side}`);
  const [low, high] = [image.reduce((a, b) => Math.min(a, b)), image.reduce((a, b) => Math.max(a, b))];
  return {
    count: 1 + count,
    write(i, out) {
      out.set(image);
      if (i === 0) return;
      const rng = random.fork(i);
      const corner = (length: number, far: boolean) =>
        i <= 4 ? (far ? length - side : 0) : rng.int(length - side + 1);
      const [top, left] = [corner(height, i % 2 === 0), corner(width, i % 4 < 2)];
      for (let y = top; y < top + side; y++) {
        for (let k = (y * width + left) * channels; k < (y * width + left + side) * channels; k++) {
          out[k] = low + (high - low) * rng.next();
        }
      }
    },
  };
}

/** Relative to the largest score, or to 1. */
function largestDifference(got: readonly Float32Array[], want: readonly Float32Array[]): number {
  let [difference, largest] = [got.length === want.length ? 0 : Number.NaN, 1];
  want.forEach((row, i) => {
    row.forEach((v, k) => {
      difference = Math.max(difference, Math.abs(v - (got[i]?.[k] ?? Number.NaN)));
      largest = Math.max(largest, Math.abs(v));
    });
  });
  return difference / largest;
}
