import { messageOf } from '../../core/errors.ts';
import type { Tensor } from '../../core/tensor.ts';
import { unionOf } from '../volumes/mask-volume.ts';
import type { DicomFrame } from './header.ts';
import type { FrameDecoder } from './pixels.ts';
import { onGrid } from './planes.ts';
import { type ScannedFile, SOP } from './scan.ts';
import { isInPlane, openSegmentation } from './segmentation.ts';
import { fillContours, liesOn, readStructureSet } from './structure-set.ts';

/** A slice that outlines may lie on. */
export interface OutlinedSlice {
  readonly instance: string;
  readonly place: DicomFrame;
  /** Whether the instance has one frame only. */
  readonly alone: boolean;
  /** Its patient's number. */
  readonly patient: string;
  readonly frameOfReference?: string;
  readonly rows: number;
  readonly columns: number;
}

/** One reader's outlines: a segmentation or a structure set. */
export interface Outlines {
  /** 'segmentation 1', 'structures 2': never a person's name. */
  readonly name: string;
  /** Names of the structures that are taken. */
  readonly taken: readonly string[];
  readonly passedBy: readonly string[];
  /** What it consists of, and how much of it is taken. */
  readonly kind: 'frames' | 'contours';
  readonly pieces: number;
  /** Which of the pieces are drawn on a slice, from 0. */
  on(slice: OutlinedSlice): readonly number[];
  /** [rows, columns] of 0 and 1. @throws Error if the file is damaged, or has no place on the slice */
  maskOf(slice: OutlinedSlice): Promise<Tensor>;
}

export interface OpenedOutlines {
  readonly outlines: readonly Outlines[];
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Opens segmentations and structure sets.
 * @param names Structures that are taken, whatever the case of their letters; absent: what is altered tissue by its
 * category, or a target or at least no organ and no outline of the body by its type, where files say so; otherwise all.
 * @param called How a file is called in errors: its path may hold a patient's name.
 */
export async function openOutlines(
  files: readonly ScannedFile[],
  names: readonly string[] | undefined,
  decoder: FrameDecoder,
  called: (id: string) => string,
): Promise<OpenedOutlines> {
  const outlines: Outlines[] = [];
  const leftOut: { path: string; reason: string }[] = [];
  const counts = { segmentation: 0, structures: 0 };
  // Sorted by instance, so that a reader has the same name wherever the files lie.
  for (const file of [...files].sort((a, b) => (a.header.instance < b.header.instance ? -1 : 1))) {
    const kind = file.header.sopClass === SOP.structureSet ? 'structures' : 'segmentation';
    try {
      const name = `${kind} ${counts[kind] + 1}`;
      outlines.push(
        kind === 'structures'
          ? await fromStructures(file, name, names)
          : await fromSegmentation(file, name, names, decoder, called(file.id)),
      );
      counts[kind]++;
    } catch (cause) {
      leftOut.push({ path: file.id, reason: messageOf(cause) });
    }
  }
  return { outlines, leftOut };
}

/** Numbers of the structures that are called so, whatever the case of their letters. */
function numbersOf<K>(structures: ReadonlyMap<K, string>, names: readonly string[]): Set<K> {
  const wanted = names.map(n => n.toLowerCase());
  return new Set([...structures].flatMap(([key, name]) => (wanted.includes(name.toLowerCase()) ? [key] : [])));
}

/** Names of the structures that are taken, and of those that are not. */
function said<K>(structures: ReadonlyMap<K, string>, chosen: ReadonlySet<K>) {
  const list = (taken: boolean) => [
    ...new Set([...structures].flatMap(([k, n]) => (chosen.has(k) === taken ? [n] : []))),
  ];
  return { taken: list(true), passedBy: list(false) };
}

/** A frame or a contour: drawn on an image that it names, or at a place. */
interface Piece {
  readonly instance?: string;
  /** In which its place is given, where the file says. */
  readonly frameOfReference?: string;
}

/**
 * Which pieces are drawn on a slice: by the reference to it, else by place. Millimetres mean the same in one frame of
 * reference only, and where a file names none, in one patient.
 */
function finder<P extends Piece>(
  pieces: readonly P[],
  patient: string,
  isNear: (piece: P, slice: OutlinedSlice) => boolean,
): (slice: OutlinedSlice) => number[] {
  const byInstance = new Map<string, number[]>();
  const free: number[] = [];
  for (const [i, { instance }] of pieces.entries()) {
    if (instance === undefined) free.push(i);
    else byInstance.set(instance, [...(byInstance.get(instance) ?? []), i]);
  }
  const all = pieces.map((_, i) => i);
  return slice => {
    const near = (i: number) => {
      const { frameOfReference } = pieces[i]!;
      const known = frameOfReference !== undefined && slice.frameOfReference !== undefined;
      return (
        (known ? frameOfReference === slice.frameOfReference : patient === slice.patient) && isNear(pieces[i]!, slice)
      );
    };
    // An instance of several frames is referred to as a whole.
    return slice.alone ? [...(byInstance.get(slice.instance) ?? []), ...free.filter(near)] : all.filter(near);
  };
}

async function fromSegmentation(
  { path, header, identity }: ScannedFile,
  name: string,
  names: readonly string[] | undefined,
  decoder: FrameDecoder,
  where: string,
): Promise<Outlines> {
  // Opened again for each slice's mask: only places and names are kept.
  const { segments, altered, frames, rows, columns } = await openSegmentation(path, decoder);
  const chosen = names ? numbersOf(segments, names) : altered.size > 0 ? altered : new Set(segments.keys());
  const space = header.frameOfReference === undefined ? {} : { frameOfReference: header.frameOfReference };
  const taken = frames
    .filter(f => f.segment === undefined || chosen.has(f.segment))
    .map(frame => ({ ...frame, ...space }));
  const on = finder(taken, identity.patientId, (frame, slice) => isInPlane(frame, slice.place));
  return {
    name,
    ...said(segments, chosen),
    kind: 'frames',
    pieces: taken.length,
    on,
    async maskOf(slice) {
      const opened = await openSegmentation(path, decoder);
      const masks: Tensor[] = [];
      for (const i of on(slice)) {
        const { frame, place } = taken[i]!;
        try {
          masks.push(onGrid(await opened.decode(frame, chosen), { place, rows, columns }, slice));
        } catch (cause) {
          throw new Error(`its segmentation ${where}: ${messageOf(cause)}`, { cause });
        }
      }
      return masks.length > 0 ? unionOf(masks) : emptyMask(slice);
    },
  };
}

async function fromStructures(
  { path, header, identity }: ScannedFile,
  name: string,
  names: readonly string[] | undefined,
): Promise<Outlines> {
  const { contours, findings } = await readStructureSet(path);
  const structures = new Map(contours.map(c => [c.number, c.roi]));
  const chosen = names ? numbersOf(structures, names) : findings;
  const space = header.frameOfReference === undefined ? {} : { frameOfReference: header.frameOfReference };
  const taken = contours.filter(c => chosen.has(c.number)).map(contour => ({ ...space, ...contour }));
  const on = finder(taken, identity.patientId, (contour, slice) => liesOn(contour, slice.place));
  return {
    name,
    ...said(structures, chosen),
    kind: 'contours',
    pieces: taken.length,
    on,
    async maskOf(slice) {
      const drawn = on(slice).map(i => taken[i]!);
      return fillContours(drawn, slice.place, slice.rows, slice.columns);
    },
  };
}

function emptyMask({ rows, columns }: OutlinedSlice): Tensor {
  return { shape: [rows, columns], data: new Float32Array(rows * columns) };
}
