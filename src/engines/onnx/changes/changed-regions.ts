import type { Batch, ChangesWorth } from '../../../core/contracts/index.ts';
import { messageOf } from '../../../core/errors.ts';
import { createRng } from '../../../core/rng.ts';
import type { ImageShape } from '../../shared/network-runner.ts';
import type { Graph } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { OnnxPool } from '../session/onnx-pool.ts';
import type { ProgramSession } from '../session/program-sessions.ts';
import type { Program } from '../session/programs.ts';
import { changedBox, sideOf } from './changed-box.ts';
import { type CutNetwork, cutNetwork, localPart, type Plane } from './cuts.ts';
import type { KeptNetworkPlan } from './kept-network.ts';
import { type Change, commonImage, type Recomputing, recompute, takenTogether } from './recompute.ts';

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
  /** Images that full inference computes together. */
  readonly microBatch: number;
  readonly remembered: RememberedChanges;
  open(program: Program, name: string): Promise<ProgramSession>;
  drop(session: ProgramSession): Promise<void>;
  /** Raw scores by full inference. */
  forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void>;
}

/** Smaller batches are not looked at: the base image alone would cost what is saved. */
const SMALLEST_BATCH = 8;
/** Images of a batch, at most, that are compared with what they have in common, and each with the last, before it is decided how they run. */
const LOOKED_AT = 24;
/** The side of changed squares: as large as it is in so many of them. The others are computed as whole images. */
const MOST_OF_THEM = 0.9;
/** Sizes of squares at most: the sessions of each hold the weights anew. */
const MOST_SIDES = 3;
/** What takes less is not worth an attempt, milliseconds for one image. */
const SHORTEST_PASS = 4;
/** Images that are tried for each worker: in whole, at least, and only what changed of them. */
const TRIED = { whole: 8, changed: 32 };
/** Both ways are timed in turn, so often: what runs beside must not decide. The shortest times are compared. */
const ROUNDS = 2;
/** What it costs to measure and to open sessions, in passes of each worker: it is done when so many images have come. */
const MEASURING = 48;
/** What a whole image costs in stages, whose results are kept, in passes. */
const KEEPING = 1.3;
/** It must be so many times as fast, measured. */
const WORTHWHILE = 1.15;
/** The largest difference of raw scores, relative to the largest score, or to 1. */
const SAME = 1e-5;

/** Runs batches whose images differ in small regions so that only what changed is computed, where that was measured to pay. */
export class ChangedRegions {
  readonly #parts: ChangedRegionsParts;
  /** What was measured in this process or before, by the side of the square; undefined: nothing yet. */
  readonly #verdicts = new Map<number, ChangesWorth | undefined>();
  /** Images that came in batches of a side of which nothing is known. */
  readonly #came = new Map<number, number>();
  /** Whether it pays for no side: then batches need not be looked at. */
  #never = false;
  /** Sides whose sessions are open, or are being opened to be measured. */
  readonly #known = new Map<number, Promise<Found>>();

  constructor(parts: ChangedRegionsParts) {
    this.#parts = parts;
  }

  /** Raw scores of each image, by whichever way is faster. */
  async forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void> {
    if (this.#never || batch.count < SMALLEST_BATCH) return this.#parts.forward(batch, consume, signal);
    const { image } = this.#parts;
    const first = Array.from({ length: Math.min(batch.count, LOOKED_AT) }, (_, i) => {
      const data = new Float32Array(image.height * image.width * image.channels);
      batch.write(i, data);
      return data;
    });
    const again: Batch = {
      count: batch.count,
      write: (i, out) => (i < first.length ? out.set(first[i]!) : batch.write(i, out)),
    };
    const { base, change } = baseOf(first, image);
    const changed = change && (await this.#wayFor(change, batch.count, base));
    if (changed) return recompute(changed, base, again, change, consume, signal);
    return this.#parts.forward(again, consume, signal);
  }

  /** What it is worth for squares of that side, pixels: measured on a given image with random values in squares. */
  async worth(side: number, image: Float32Array): Promise<ChangesWorth> {
    return (await this.#find(sideAbove(side), image)).worth;
  }

  /** How to compute only what changed of so many images; undefined: whole images are faster, or nothing is known yet. */
  async #wayFor(change: Change, count: number, image: Float32Array): Promise<Recomputing | undefined> {
    const { workers } = this.#parts;
    const { side } = change;
    const pays = (worth: ChangesWorth) =>
      'faster' in worth && speedOf(change, count, workers, worth.faster) >= WORTHWHILE;
    const before = this.#verdict(side);
    if (before && !pays(before)) return undefined;
    if (!before && !this.#known.has(side)) {
      const came = (this.#came.get(side) ?? 0) + count;
      this.#came.set(side, came);
      if (came < MEASURING * workers) return undefined;
    }
    const { worth, changed } = await this.#find(side, image);
    return pays(worth) ? changed : undefined;
  }

  #verdict(side: number): ChangesWorth | undefined {
    if (!this.#verdicts.has(side)) this.#judged(side, this.#parts.remembered.recall(side));
    return this.#verdicts.get(side);
  }

  #judged(side: number, worth: ChangesWorth | undefined): void {
    this.#verdicts.set(side, worth);
    if (worth && 'reason' in worth && worth.anySide) this.#never = true;
  }

  #find(side: number, image: Float32Array): Promise<Found> {
    const known = this.#known.get(side);
    if (known) return known;
    const verdict = this.#verdict(side);
    if (verdict && 'reason' in verdict) return Promise.resolve({ worth: verdict });
    if (this.#known.size >= MOST_SIDES) {
      // What is kept for larger squares does for these.
      const larger = [...this.#known.keys()].filter(kept => kept > side).sort((a, b) => a - b)[0];
      return larger === undefined
        ? Promise.resolve(without('squares of other sizes are kept ready'))
        : this.#known.get(larger)!;
    }
    const finding = this.#decide(side, image)
      .catch((error: unknown) => without(messageOf(error)))
      .then(found => {
        this.#judged(side, found.worth);
        if (!found.changed) this.#known.delete(side);
        return found;
      });
    this.#known.set(side, finding);
    return finding;
  }

  /** What was decided before holds, so that a run that goes on computes the same way. */
  async #decide(side: number, image: Float32Array): Promise<Found> {
    const { remembered } = this.#parts;
    const cut = this.#cut(side);
    if ('reason' in cut) return { worth: cut };
    const before = this.#verdict(side);
    if (before) return { worth: before, changed: await this.#open(cut) };
    const found = await this.#measure(cut, image);
    remembered.remember(side, found.worth);
    return found;
  }

  #cut(side: number): CutNetwork | { readonly reason: string } {
    const { model, image } = this.#parts;
    if (image.layout !== 'NCHW') return { reason: 'the file has its channels last' };
    const local = localPart(model);
    const spread = { reason: 'most of the work lies where a change has spread over the whole image' };
    return (local && cutNetwork(local, side)) ?? spread;
  }

  async #measure(cut: CutNetwork, image: Float32Array): Promise<Found> {
    const { workers, microBatch, forward } = this.#parts;
    const probes = probeImages(image, this.#parts.image, cut.side, TRIED.changed * workers);
    const some = { ...probes, count: Math.max(TRIED.whole, microBatch) * workers };
    const change = { side: cut.side, from: 'base' } as const;
    const [whole, changed] = [[] as Float32Array[], [] as Float32Array[]];
    const times = { whole: Number.POSITIVE_INFINITY, changed: Number.POSITIVE_INFINITY };
    const timeWhole = async () => {
      const taken = await timed(() => forward(some, (i, raw) => (whole[i] = raw.slice())));
      times.whole = Math.min(times.whole, taken / some.count);
    };
    await timeWhole();
    if (times.whole < SHORTEST_PASS) {
      return { worth: { reason: `one pass takes ${times.whole.toPrecision(2)} ms only`, anySide: true } };
    }
    const opened = await this.#open(cut);
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0) await timeWhole();
      const taken = await timed(() =>
        recompute(opened, image, probes, change, (i, raw) => (changed[i] = raw.slice()), undefined),
      );
      times.changed = Math.min(times.changed, taken / probes.count);
    }
    const worth = worthOf(largestDifference(changed.slice(0, whole.length), whole), times.whole / times.changed);
    if ('faster' in worth) return { worth, changed: opened };
    await opened.close();
    return { worth };
  }

  /** Opens a cut network in the workers. */
  async #open(cut: CutNetwork): Promise<Recomputing & { close(): Promise<void> }> {
    const { model, image, pool, workers, open, drop } = this.#parts;
    const { side, places } = cut;
    const name = `changes of ${side} px`;
    const sessions: ProgramSession[] = [];
    const opened = async (graph: Graph, inputs: readonly Plane[], part: string) => {
      const sizes = new Map(inputs.map(plane => [plane.name, plane.size]));
      const session = await open({ graph, sizes }, `${name}, ${part}`);
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
        stages.push({ ...stage, session: await opened(graph, stage.inputs, `part ${s + 1}`) });
      }
      const rest = { inputs: cut.rest.inputs, session: await opened(cut.rest.graph, cut.rest.inputs, 'the rest') };
      await pool.keep(name, { side, stages, rest, output: model.output, image, places }, workers);
    } catch (error) {
      await close();
      throw error;
    }
    return {
      size: image.height * image.width * image.channels,
      workers,
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

function worthOf(error: number, faster: number): ChangesWorth {
  // Written so that NaN is a difference.
  if (!(error <= SAME)) return { reason: `scores differ by ${error.toPrecision(2)} from those of whole images` };
  return faster >= WORTHWHILE ? { faster } : { reason: `it is ${faster.toFixed(2)} times as fast only` };
}

/**
 * What the images of a batch are compared with, and how they differ from it or from the one before (undefined: in large
 * regions): the first image or, where less changes then, what three that lie apart have in common, since the image itself
 * need not be in the batch.
 */
function baseOf(
  images: readonly Float32Array[],
  shape: ImageShape,
): { readonly base: Float32Array; readonly change: Change | undefined } {
  const [first, middle, last] = [images[0]!, images[images.length >> 1]!, images.at(-1)!];
  const bases = [first, commonImage(first, middle, last)];
  const found = bases.map(base => ({ base, change: changeOf(base, images, shape) }));
  const sideIn = ({ change }: (typeof found)[number]) => change?.side ?? Number.POSITIVE_INFINITY;
  return found.reduce((a, b) => (sideIn(b) < sideIn(a) ? b : a));
}

function changeOf(
  base: Float32Array,
  images: readonly Float32Array[],
  { height, width, channels }: ImageShape,
): Change | undefined {
  const found = images.slice(1).map((data, i) => {
    const [whole, before] = [base, images[i]!].map(other => {
      const box = changedBox(data, other, width, channels);
      return box ? sideOf(box) : 0;
    }) as [number, number];
    return { whole, least: Math.min(whole, before) };
  });
  const least = found.map(f => f.least).sort((a, b) => a - b);
  const side = sideAbove(least[Math.ceil(MOST_OF_THEM * least.length) - 1]!);
  if (side > Math.min(height, width) / 2) return undefined;
  const near = found.filter(f => f.whole <= side).length;
  return { side, from: near > found.length / 2 ? 'base' : 'before' };
}

/** The next of 8, 16, 24, 32, 48, 64, 96, 128, 192 …: few, for each has sessions of its own. */
function sideAbove(side: number): number {
  const grain = Math.max(8, 2 ** Math.floor(Math.log2(Math.max(1, side - 1))) / 2);
  return Math.max(grain, Math.ceil(side / grain) * grain);
}

/**
 * How many times as fast as whole images a batch is to be expected. Each worker computes the base image as well, and for
 * images that follow from the one before the first of each piece.
 */
function speedOf(change: Change, count: number, workers: number, faster: number): number {
  const together = takenTogether(change, count, workers);
  const piece = change.from === 'base' ? together / faster : KEEPING + (together - 1) / faster;
  const changed = KEEPING + Math.ceil(Math.ceil(count / together) / workers) * piece;
  return Math.ceil(count / workers) / changed;
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
