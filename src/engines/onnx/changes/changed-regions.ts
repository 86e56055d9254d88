import type { Batch, ChangesWorth } from '../../../core/contracts/index.ts';
import { messageOf } from '../../../core/errors.ts';
import { createRng } from '../../../core/rng.ts';
import type { ImageShape } from '../../shared/network-runner.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { ProgramSession } from '../session/program-sessions.ts';
import type { Program } from '../session/programs.ts';
import { changedBox, sideOf } from './changed-box.ts';
import { cutNetwork, localPart } from './cuts.ts';
import { type OpenedCut, recompute } from './recompute.ts';

export interface ChangedRegionsParts extends Pick<OpenedCut, 'run' | 'image'> {
  readonly model: NormalisedModel;
  open(program: Program, name: string): Promise<ProgramSession>;
  drop(session: ProgramSession): Promise<void>;
  /** Raw scores by full inference. */
  forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void>;
  /** Micro-batches under way at once. */
  readonly underWay: number;
  readonly microBatch: number;
}

/** Smaller batches are not looked at: to open sessions and to measure would cost more than is saved. */
const SMALLEST_BATCH = 96;
/** Images of a batch that are compared with the first and with each other before it is decided how they are run. */
const LOOKED_AT = 12;
/** Sides of changed squares are rounded up to a multiple of this, pixels. */
const GRAIN = 8;
/** Sizes of squares at most: the sessions of each hold the weights anew. */
const MOST_SIDES = 3;
/** What takes less is not worth an attempt, milliseconds for one image. */
const SHORTEST_PASS = 4;
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
    const side = changedSide(first, image);
    const found = side === undefined ? undefined : await this.#find(side, first[0]!);
    if (found?.opened) return recompute(found.opened, again, consume, signal);
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
    const finding = this.#measure(side, image).catch((error: unknown) => without(messageOf(error)));
    this.#known.set(side, finding);
    return finding;
  }

  async #measure(side: number, image: Float32Array): Promise<Found> {
    const { model, open, drop, run, forward, underWay, microBatch, image: shape } = this.#parts;
    if (shape.layout !== 'NCHW') return without('the file has its channels last');
    const probes = probeImages(image, shape, side, Math.max(16, 2 * underWay * microBatch));
    const plain = async (batch: Batch) => {
      const rows: Float32Array[] = [];
      await forward(batch, (_, raw) => rows.push(raw.slice()));
      return rows;
    };
    const want = await plain(probes);
    const full = (await timed(() => plain(probes))) / probes.count;
    if (full < SHORTEST_PASS) return without(`one pass takes ${full.toPrecision(2)} ms only`);
    const local = localPart(model);
    const cut = local && cutNetwork(local, side);
    if (!cut) return without('most of the work lies where a change has spread over the whole image');
    const stages: ProgramSession[] = [];
    for (const [s, { graph }] of cut.stages.entries())
      stages.push(await open({ graph }, `changes of ${side} px, part ${s + 1}`));
    const rest = await open({ graph: cut.rest.graph }, `changes of ${side} px, the rest`);
    const opened = { cut, stages, rest, input: model.input, output: model.output, image: shape, underWay, run, plain };
    const got: Float32Array[] = [];
    await recompute(opened, probes, (_, raw) => got.push(raw.slice()), undefined);
    const error = largestDifference(got, want);
    const faster = full / ((await timed(() => recompute(opened, probes, () => undefined, undefined))) / probes.count);
    // Written so that NaN is a difference.
    const same = error <= SAME;
    if (same && faster >= WORTHWHILE) return { worth: { faster }, opened };
    for (const session of [...stages, rest]) await drop(session);
    return without(
      same
        ? `it is ${faster.toFixed(2)} times as fast only`
        : `scores differ by ${error.toPrecision(2)} from those of whole images`,
    );
  }
}

interface Found {
  readonly worth: ChangesWorth;
  readonly opened?: OpenedCut;
}

const without = (reason: string): Found => ({ worth: { reason } });

async function timed(what: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await what();
  return performance.now() - start;
}

/** The side of the squares in which most images differ from the first, or from the one before; undefined: no small ones. */
function changedSide(images: readonly Float32Array[], { height, width, channels }: ImageShape): number | undefined {
  const sides = images.slice(1).map((data, i) => {
    const boxes = [images[0]!, images[i]!].map(other => changedBox(data, other, width, channels));
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
