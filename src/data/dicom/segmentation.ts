import type { DataSet } from 'dicom-parser';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { readRegular } from '../../files/regular.ts';
import { type DicomFile, item, items, parseDicomFile, text, uint16 } from './dataset.ts';
import { type DicomFrame, type DicomHeader, readHeader } from './header.ts';
import type { FrameDecoder } from './pixels.ts';
import { distanceFrom, parallel } from './planes.ts';
import { SOP } from './scan.ts';

/** Which pixels of which image a segmentation's frame marks. */
interface SegmentFrame {
  readonly frame: number;
  /** Absent in a label map, whose pixels hold the segments' numbers. */
  readonly segment?: number;
  /** Image that it was drawn on, where the file says. */
  readonly instance?: string;
  readonly place: DicomFrame;
}

/** A DICOM segmentation (SEG), opened. */
export interface OpenSegmentation {
  /** Names of its segments, by their number. */
  readonly segments: ReadonlyMap<number, string>;
  /** Numbers of the segments that are altered tissue by their category, where some are and some are not. */
  readonly altered: ReadonlySet<number>;
  readonly rows: number;
  readonly columns: number;
  readonly frames: readonly SegmentFrame[];
  /** [rows, columns] of 0 and 1: where a frame has one of these segments. @throws Error if the frame is damaged */
  decode(frame: number, segments: ReadonlySet<number>): Promise<Tensor>;
}

/** Category "Morphologically Altered Structure" in SNOMED CT and SNOMED RT. */
const ALTERED = new Set(['49755003', 'M-01000']);

/** Opens a segmentation. @throws Error saying what is wrong with the file. */
export async function openSegmentation(path: string, decoder: FrameDecoder): Promise<OpenSegmentation> {
  const file = parseDicomFile(await readRegular(path));
  const header = readHeaderOf(file);
  const segments = new Map<number, string>();
  const altered = new Set<number>();
  for (const s of items(file.set, 'x00620002')) {
    const number = uint16(s, 'x00620004') ?? segments.size + 1;
    segments.set(number, text(s, 'x00620005') ?? `segment ${number}`);
    const category = item(s, 'x00620003');
    if (category && ALTERED.has(text(category, 'x00080100') ?? '')) altered.add(number);
  }
  const labelMap = header.sopClass === SOP.labelMap || text(file.set, 'x00620001') === 'LABELMAP';
  // In a label map 0 is what belongs to no segment, even where it has a name.
  if (labelMap) for (const each of [segments, altered]) each.delete(0);
  // Shares of a pixel count from a half on.
  const fractional = text(file.set, 'x00620001') === 'FRACTIONAL';
  const threshold = fractional ? ((uint16(file.set, 'x0062000e') ?? 255) - 1) / 2 : 0;
  const own = items(file.set, 'x52009230');
  const shared = item(file.set, 'x52009229');
  const frames = header.frames.map((place, frame) => frameOf(place, frame, own[frame], shared, labelMap));
  return {
    segments,
    altered: altered.size < segments.size ? altered : new Set(),
    rows: header.rows,
    columns: header.columns,
    frames,
    async decode(frame, wanted) {
      const values =
        header.bitsAllocated === 1 ? unpackBits(file, header, frame) : await decoder.decode(file, plain(header), frame);
      const inside = labelMap ? (v: number) => wanted.has(v) : (v: number) => v > threshold;
      return tensor(
        [header.rows, header.columns],
        Float32Array.from(values, v => (inside(v) ? 1 : 0)),
      );
    },
  };
}

/** Label maps may bring colours for their numbers. */
function plain(header: DicomHeader): DicomHeader {
  return { ...header, photometric: 'MONOCHROME2' };
}

function readHeaderOf(file: DicomFile) {
  const header = readHeader(file);
  if (header.rows * header.columns === 0 || !header.hasPixels) throw new Error('it is a segmentation without pixels');
  return header;
}

function frameOf(
  place: DicomFrame,
  frame: number,
  own: DataSet | undefined,
  shared: DataSet | undefined,
  labelMap: boolean,
): SegmentFrame {
  const macro = (tag: string) => item(own, tag) ?? item(shared, tag);
  const identification = macro('x0062000a');
  const segment = identification ? uint16(identification, 'x0062000b') : undefined;
  const source = item(macro('x00089124'), 'x00082112');
  const instance = source && text(source, 'x00081155');
  return {
    ...{ frame, place },
    ...(labelMap ? {} : { segment: segment ?? 1 }),
    ...(instance === undefined ? {} : { instance }),
  };
}

/** Frames of one bit a pixel lie one after the other without a gap, lowest bit first. */
function unpackBits(
  file: DicomFile,
  { rows, columns, frames }: { rows: number; columns: number; frames: readonly unknown[] },
  frame: number,
): Uint8Array {
  const element = file.set.elements['x7fe00010'];
  const count = rows * columns;
  const first = frame * count;
  if (
    !element ||
    Math.ceil((frames.length * count) / 8) > element.length ||
    element.dataOffset + element.length > file.bytes.length + 1
  ) {
    throw new Error('its pixels end early');
  }
  return Uint8Array.from({ length: count }, (_, i) => {
    const bit = first + i;
    return (file.bytes[element.dataOffset + (bit >> 3)]! >> (bit & 7)) & 1;
  });
}

/** Frames are of a slice if they lie within this share of a millimetre of it. */
const NEAR = 0.1;

/** Whether a frame lies in the plane of an image. */
export function isInPlane({ place }: SegmentFrame, image: DicomFrame): boolean {
  return place.position !== undefined && parallel(place, image) && distanceFrom(image, place.position) < NEAR;
}
