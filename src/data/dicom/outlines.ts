import { messageOf } from '../../core/errors.ts';
import type { Tensor } from '../../core/tensor.ts';
import { unionOf } from '../volumes/mask-volume.ts';
import type { DicomFrame } from './header.ts';
import type { FrameDecoder } from './pixels.ts';
import { type ScannedFile, SOP } from './scan.ts';
import { framesOn, openSegmentation } from './segmentation.ts';
import { type Contour, fillContours, liesOn, readStructureSet } from './structure-set.ts';

/** A slice that outlines may lie on. */
export interface OutlinedSlice {
  readonly instance: string;
  readonly place: DicomFrame;
  /** Whether the instance has one frame only. */
  readonly alone: boolean;
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
  /** Whether anything was drawn on the slice. */
  covers(slice: OutlinedSlice): boolean;
  /** [rows, columns] of 0 and 1. @throws Error if the file is damaged, or its grid is another one */
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
 */
export async function openOutlines(
  files: readonly ScannedFile[],
  names: readonly string[] | undefined,
  decoder: FrameDecoder,
): Promise<OpenedOutlines> {
  const outlines: Outlines[] = [];
  const leftOut: { path: string; reason: string }[] = [];
  const counts = { segmentation: 0, structures: 0 };
  // Sorted by instance, so that a reader has the same name wherever the files lie.
  for (const file of [...files].sort((a, b) => (a.header.instance < b.header.instance ? -1 : 1))) {
    const kind = file.header.sopClass === SOP.structureSet ? 'structures' : 'segmentation';
    try {
      const name = `${kind} ${counts[kind] + 1}`;
      const open = kind === 'structures' ? fromStructures : fromSegmentation;
      outlines.push(await open(file, name, names, decoder));
      counts[kind]++;
    } catch (cause) {
      leftOut.push({ path: file.id, reason: messageOf(cause) });
    }
  }
  return { outlines, leftOut };
}

function choose(all: readonly string[], names: readonly string[]): Set<string> {
  const wanted = names.map(n => n.toLowerCase());
  return new Set(all.filter(name => wanted.includes(name.toLowerCase())));
}

async function fromSegmentation(
  file: ScannedFile,
  name: string,
  names: readonly string[] | undefined,
  decoder: FrameDecoder,
): Promise<Outlines> {
  // Opened again for each slice's mask: only places and names are kept.
  const { segments, altered, frames, rows, columns } = await openSegmentation(file.path, decoder);
  const labels = [...segments.values()];
  const chosen = names
    ? choose(labels, names)
    : new Set(labels.filter((_, i) => altered.size === 0 || altered.has([...segments.keys()][i]!)));
  const on = (slice: OutlinedSlice) =>
    framesOn({ frames }, slice).filter(f => chosen.has(segments.get(f.segment) ?? ''));
  return {
    name,
    taken: [...chosen],
    passedBy: labels.filter(l => !chosen.has(l)),
    covers: slice => on(slice).length > 0,
    async maskOf(slice) {
      if (slice.rows !== rows || slice.columns !== columns) {
        throw new Error(
          `its segmentation ${file.id} is ${columns} × ${rows}, the image ${slice.columns} × ${slice.rows}`,
        );
      }
      const opened = await openSegmentation(file.path, decoder);
      const masks = [];
      for (const { frame } of on(slice)) masks.push(await opened.decode(frame));
      return masks.length > 0 ? unionOf(masks) : emptyMask(slice);
    },
  };
}

async function fromStructures(
  file: ScannedFile,
  name: string,
  names: readonly string[] | undefined,
): Promise<Outlines> {
  const { contours, findings } = await readStructureSet(file.path);
  const labels = [...new Set(contours.map(c => c.roi))];
  const chosen = names ? choose(labels, names) : findings;
  const on = (slice: OutlinedSlice): Contour[] =>
    contours.filter(
      c =>
        chosen.has(c.roi) &&
        (c.instance !== undefined && slice.alone ? c.instance === slice.instance : liesOn(c, slice.place)),
    );
  return {
    name,
    taken: [...chosen],
    passedBy: labels.filter(l => !chosen.has(l)),
    covers: slice => on(slice).length > 0,
    maskOf: async slice => fillContours(on(slice), slice.place, slice.rows, slice.columns),
  };
}

function emptyMask({ rows, columns }: OutlinedSlice): Tensor {
  return { shape: [rows, columns], data: new Float32Array(rows * columns) };
}
