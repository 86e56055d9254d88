import type { Batch } from '../../../core/contracts/index.ts';
import { inMicroBatches, part } from '../../shared/micro-batches.ts';
import type { ImageShape } from '../../shared/network-runner.ts';
import type { Feed } from '../session/onnx-messages.ts';
import type { ProgramSession } from '../session/program-sessions.ts';
import { type Box, changedBox, sideOf } from './changed-box.ts';
import type { CutNetwork, PlacedStage, Plane } from './cuts.ts';
import { KeptPlane, type Patch, type PlaneValues } from './kept.ts';

/** A cut network with its sessions. */
export interface OpenedCut {
  readonly cut: CutNetwork;
  readonly stages: readonly ProgramSession[];
  readonly rest: ProgramSession;
  readonly input: string;
  readonly output: string;
  readonly image: ImageShape;
  /** Micro-batches under way at once. */
  readonly underWay: number;
  run(session: ProgramSession, feeds: readonly Feed[]): Promise<Readonly<Record<string, Float32Array>>>;
  /** Raw scores of images by full inference, one after the other. */
  plain(batch: Batch): Promise<readonly Float32Array[]>;
}

/** Where one image differs from the one that it is made from. */
interface Change {
  /** Made from the base image; else from the image before. */
  readonly fromBase: boolean;
  /** Row and column where the changed square begins; undefined: anything may have changed. */
  readonly at: readonly [number, number] | undefined;
}

/** Images that go through the stages together. */
interface Together {
  readonly images: readonly Float32Array[];
  readonly changes: readonly Change[];
  /** Resolved when what a stage reads was copied, so that the next images may be written over it. */
  readonly read: readonly Turn[];
  readonly before: readonly Turn[];
}

/** Of the images, so many may have changed anywhere before the others are computed in full. */
const MOST_WHOLE = 0.25;

/**
 * Raw scores of images that differ little from the first one, or each from the one before: of the first part of the
 * network only what changed is computed.
 */
export async function recompute(
  opened: OpenedCut,
  batch: Batch,
  consume: (i: number, raw: Float32Array) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { cut, image, rest, underWay } = opened;
  const size = image.height * image.width * image.channels;
  const base = new Float32Array(size);
  batch.write(0, base);
  const { planes, raw } = await keptPlanes(opened, base);
  consume(0, raw);
  let last = base;
  let [seen, whole] = [0, 0];
  let before: readonly Turn[] = planes.map(() => DONE);
  const { microBatch } = rest.settings;
  await inMicroBatches(
    batch.count - 1,
    { microBatch, underWay, signal },
    async ({ first, count }) => {
      const images = Array.from({ length: count }, (_, j) => {
        const data = new Float32Array(size);
        batch.write(1 + first + j, data);
        return data;
      });
      if (seen >= 32 && whole > MOST_WHOLE * seen) return opened.plain(asBatch(images));
      const changes = images.map(data => {
        const change = changeOf(data, base, last, image, cut.side);
        last = data;
        return change;
      });
      seen += count;
      const all = changes.some(change => change.at === undefined);
      if (all) whole += count;
      const read = planes.map(() => new Turn());
      const together = { images, changes: all ? changes.map(() => ANYWHERE) : changes, read, before };
      before = read;
      try {
        return await throughStages(opened, planes, together);
      } catch (error) {
        for (const turn of read) turn.end();
        throw error;
      }
    },
    ({ first }, rows) => {
      for (const [j, row] of rows.entries()) consume(1 + first + j, row);
    },
  );
}

const ANYWHERE: Change = { fromBase: false, at: undefined };

/** Something that is waited for. */
class Turn {
  end: () => void = () => undefined;
  readonly over = new Promise<void>(resolve => {
    this.end = resolve;
  });
}

const DONE = new Turn();
DONE.end();

function changeOf(data: Float32Array, base: Float32Array, last: Float32Array, image: ImageShape, side: number): Change {
  const { width, channels } = image;
  const box = changedBox(data, base, width, channels);
  if (fits(box, side)) return { fromBase: true, at: corner(box, image, side) };
  const step = changedBox(data, last, width, channels);
  return fits(step, side) ? { fromBase: false, at: corner(step, image, side) } : ANYWHERE;
}

function fits(box: Box | undefined, side: number): boolean {
  return box === undefined || sideOf(box) <= side;
}

/** Where a square of that side lies in the image and holds the box. */
function corner(box: Box | undefined, { height, width }: ImageShape, side: number): [number, number] {
  return [Math.min(box?.top ?? 0, height - side), Math.min(box?.left ?? 0, width - side)];
}

/** The planes that each stage but the first, and the rest, read; of the base image. And its raw scores. */
async function keptPlanes(
  opened: OpenedCut,
  base: Float32Array,
): Promise<{ planes: KeptPlane[][]; raw: Float32Array }> {
  const { cut, stages, rest, output } = opened;
  const values = new Map([[opened.input, wholeImage(opened, base)]]);
  const feedsOf = (inputs: readonly Plane[]) => inputs.map(p => feed(p, 1, p.size, values.get(p.name)!.slice()));
  for (const [s, { inputs }] of cut.stages.entries()) {
    const outputs = await opened.run(stages[s]!, feedsOf(inputs));
    for (const [name, data] of Object.entries(outputs)) values.set(name, data);
  }
  const raw = (await opened.run(rest, feedsOf(cut.rest.inputs)))[output]!;
  const readers = [...cut.stages.slice(1).map(stage => stage.inputs), cut.rest.inputs];
  return { planes: readers.map(list => list.map(p => new KeptPlane(p, values.get(p.name)!))), raw };
}

function wholeImage({ image }: OpenedCut, data: Float32Array): Float32Array {
  const values = new Float32Array(data.length);
  cropImage(data, image, { data: values, at: 0, rows: image.height, columns: image.width, corner: [0, 0] });
  return values;
}

/** Copies a part of an image, [rows, columns, channels], with its channels first. */
function cropImage(from: Float32Array, { width, channels }: ImageShape, into: PlaneValues): void {
  const { data, at, rows, columns, corner: start } = into;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      let a = ((start[0] + y) * width + start[1]) * channels + c;
      const row = at + (c * rows + y) * columns;
      for (let x = 0; x < columns; x++, a += channels) data[row + x] = from[a]!;
    }
  }
}

function feed({ name, channels }: Plane, count: number, size: readonly [number, number], data: Float32Array): Feed {
  return { name, dims: [count, channels, ...size], data };
}

/** @returns raw scores of each image */
async function throughStages(
  opened: OpenedCut,
  planes: readonly (readonly KeptPlane[])[],
  { images, changes, read, before }: Together,
): Promise<readonly Float32Array[]> {
  const { cut, image } = opened;
  const count = images.length;
  const places = changes.map(({ at }) => at && ([cut.place(0, at[0]), cut.place(1, at[1])] as const));
  const found = new Map<string, { data: Float32Array; stage: number }>();
  const crop = (plane: Plane, s: number, j: number): Omit<PlaneValues, 'data' | 'at'> =>
    cropOf(cut, places[j], plane, s);

  for (const [s, stage] of cut.stages.entries()) {
    const feeds = stage.inputs.map(p => {
      const { rows, columns } = crop(p, s, 0);
      return feed(p, count, [rows, columns], new Float32Array(count * p.channels * rows * columns));
    });
    const at = (f: Feed, j: number) => (f.data.length / count) * j;
    if (s === 0) {
      for (const [j, data] of images.entries()) {
        cropImage(data, image, { ...crop(stage.inputs[0]!, 0, j), data: feeds[0]!.data, at: at(feeds[0]!, j) });
      }
    } else {
      await before[s - 1]!.over;
      for (let j = 0; j < count; j++) {
        write(planes[s - 1]!, j);
        for (const [k, kept] of planes[s - 1]!.entries()) {
          kept.read({ ...crop(kept.plane, s, j), data: feeds[k]!.data, at: at(feeds[k]!, j) });
        }
      }
      read[s - 1]!.end();
    }
    for (const [name, data] of Object.entries(await opened.run(opened.stages[s]!, feeds)))
      found.set(name, { data, stage: s });
  }
  const end = cut.stages.length - 1;
  const feeds = cut.rest.inputs.map(p =>
    feed(p, count, p.size, new Float32Array(count * p.channels * p.size[0] * p.size[1])),
  );
  await before[end]!.over;
  for (let j = 0; j < count; j++) {
    write(planes[end]!, j);
    planes[end]!.forEach((kept, k) => {
      const [rows, columns] = kept.plane.size;
      kept.read({ data: feeds[k]!.data, at: (feeds[k]!.data.length / count) * j, rows, columns, corner: [0, 0] });
    });
  }
  read[end]!.end();
  const raw = (await opened.run(opened.rest, feeds))[opened.output]!;
  return images.map((_, j) => part(raw, j, count));

  /** Writes what is new of image `j` into planes. */
  function write(list: readonly KeptPlane[], j: number): void {
    for (const kept of list) {
      const { plane } = kept;
      const { data, stage } = found.get(plane.name)!;
      const from = { ...crop(plane, stage, j), data, at: (data.length / count) * j };
      if (changes[j]!.fromBase) kept.restore();
      kept.write(from, patchOf(places[j], plane, stage));
    }
  }
}

type Places = readonly [readonly PlacedStage[], readonly PlacedStage[]] | undefined;

/** The part of a plane that a stage's crop has. */
function cropOf(cut: CutNetwork, places: Places, { size, pixels }: Plane, s: number): Omit<PlaneValues, 'data' | 'at'> {
  if (!places) return { rows: size[0], columns: size[1], corner: [0, 0] };
  const { step, less } = cut.stages[s]!;
  const length = (axis: 0 | 1) => size[axis] - (less[axis] * step[axis]) / pixels[axis];
  const start = (axis: 0 | 1) => places[axis][s]!.start / pixels[axis];
  return { rows: length(0), columns: length(1), corner: [start(0), start(1)] };
}

/** The cells of a plane that are new. */
function patchOf(places: Places, { name, size }: Plane, s: number): Patch {
  if (!places)
    return [
      { from: 0, to: size[0] - 1 },
      { from: 0, to: size[1] - 1 },
    ];
  return [places[0][s]!.changed.get(name)!, places[1][s]!.changed.get(name)!];
}

function asBatch(images: readonly Float32Array[]): Batch {
  return { count: images.length, write: (i, out) => out.set(images[i]!) };
}
