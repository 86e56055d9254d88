import type { DataSet } from 'dicom-parser';
import type { Placement3d } from '../../core/contracts/index.ts';
import { type DicomFile, decimal, decimals, item, items, text, texts, uint16 } from './dataset.ts';
import { nameSpellings } from './person-names.ts';

export type Vector = readonly [number, number, number];

/** What a file says of one of its frames. */
export interface DicomFrame {
  /** Centre of the first pixel, LPS millimetres. */
  readonly position?: Vector;
  /** Unit vectors along a row (towards higher columns) and along a column. */
  readonly orientation?: readonly [Vector, Vector];
  /** Millimetres between rows, and between columns. */
  readonly spacing?: readonly [number, number];
  readonly slope?: number;
  readonly intercept?: number;
  readonly thickness?: number;
}

/** What the header of an image says: enough to sort it, to decode it and to say what it is. Never names or dates. */
export interface DicomHeader {
  readonly transferSyntax: string;
  readonly sopClass: string;
  readonly instance: string;
  readonly series: string;
  readonly study: string;
  readonly frameOfReference?: string;
  readonly modality?: string;
  readonly imageType: readonly string[];
  readonly instanceNumber?: number;
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly samples: number;
  readonly photometric: string;
  readonly rescaleType?: string;
  readonly gantryTilt?: number;
  /** Stored values that stand for "no data": one, or a closed range. */
  readonly padding?: readonly [number, number];
  readonly hasPixels: boolean;
  readonly frames: readonly DicomFrame[];
  /** Kernel, thickness and the like, for tables. */
  readonly acquisition: Readonly<Record<string, string | number>>;
  /** Age band, sex, vendor, kernel, contrast. */
  readonly groups: Readonly<Record<string, string>>;
}

/** What must not leave the reader: it finds names and numbers in paths, and is turned into keyed hashes. */
export interface DicomIdentity {
  readonly patientId: string;
  /** Further numbers of the patient and of the examination (accession number). */
  readonly numbers: readonly string[];
  /** The patient's names, each as its parts, without accents and in lower case. */
  readonly names: readonly (readonly string[])[];
  readonly institution?: string;
}

const PIXEL_TAGS = ['x7fe00010', 'x7fe00008', 'x7fe00009'];

/** Reads a header. @throws Error if a tag that pixels need is missing or has no sense. */
export function readHeader({ set, transferSyntax }: DicomFile): DicomHeader {
  const hasPixels = PIXEL_TAGS.some(tag => set.elements[tag] !== undefined);
  const need = (tag: string, name: string): number => {
    const found = uint16(set, tag);
    if (found === undefined && hasPixels) throw new Error(`it has no ${name}`);
    return found ?? 0;
  };
  const bitsAllocated = need('x00280100', 'Bits Allocated');
  const bitsStored = uint16(set, 'x00280101') ?? bitsAllocated;
  const signed = uint16(set, 'x00280103') === 1;
  const modality = text(set, 'x00080060');
  const frameOfReference = text(set, 'x00200052');
  const instanceNumber = decimal(set, 'x00200013');
  const rescaleType = text(set, 'x00281054');
  const gantryTilt = decimal(set, 'x00181120');
  const padding = paddingOf(set, signed);
  return {
    transferSyntax,
    sopClass: text(set, 'x00080016') ?? '',
    instance: text(set, 'x00080018') ?? '',
    series: text(set, 'x0020000e') ?? '',
    study: text(set, 'x0020000d') ?? '',
    ...(frameOfReference === undefined ? {} : { frameOfReference }),
    ...(modality === undefined ? {} : { modality }),
    imageType: texts(set, 'x00080008'),
    ...(instanceNumber === undefined ? {} : { instanceNumber }),
    rows: need('x00280010', 'Rows'),
    columns: need('x00280011', 'Columns'),
    bitsAllocated,
    bitsStored,
    highBit: uint16(set, 'x00280102') ?? bitsStored - 1,
    signed,
    samples: uint16(set, 'x00280002') ?? 1,
    photometric: text(set, 'x00280004') ?? 'MONOCHROME2',
    ...(rescaleType === undefined ? {} : { rescaleType }),
    ...(gantryTilt === undefined ? {} : { gantryTilt }),
    ...(padding === undefined ? {} : { padding }),
    hasPixels,
    frames: framesOf(set),
    acquisition: acquisitionOf(set),
    groups: groupsOf(set),
  };
}

/** Pixel Padding Value and its other end, read with the pixels' sign whatever VR they were written with. */
function paddingOf(set: DataSet, signed: boolean): [number, number] | undefined {
  const read = (tag: string): number | undefined => {
    const element = set.elements[tag];
    if (!element || element.length < 2) return undefined;
    return signed ? set.int16(tag) : set.uint16(tag);
  };
  const value = read('x00280120');
  if (value === undefined) return undefined;
  const limit = read('x00280121') ?? value;
  return [Math.min(value, limit), Math.max(value, limit)];
}

function framesOf(set: DataSet): DicomFrame[] {
  const count = Math.max(1, decimal(set, 'x00280008') ?? 1);
  if (!(count <= 100_000)) throw new Error(`it has ${count} frames`);
  const shared = item(set, 'x52009229');
  const own = items(set, 'x52009230');
  const plain = frameOf([set]);
  if (!shared && own.length === 0) return Array.from({ length: count }, () => plain);
  if (own.length > 0 && own.length < count) {
    throw new Error(`it has ${count} frames and says of ${own.length} where they lie`);
  }
  // A macro stands in the frame's own item, in the shared one, or (in converted files) at the top.
  return Array.from({ length: count }, (_, i) => {
    const places = [own[i], shared].flatMap(s => s ?? []);
    const macro = (tag: string) => places.flatMap(s => item(s, tag) ?? [])[0];
    const parts = ['x00209113', 'x00209116', 'x00289110', 'x00289145'].flatMap(tag => macro(tag) ?? []);
    return frameOf([...parts, set]);
  });
}

/** A frame from the first of these sets that says each thing. */
function frameOf(sets: readonly DataSet[]): DicomFrame {
  const first = <T>(read: (s: DataSet) => T | undefined): T | undefined => {
    for (const s of sets) {
      const found = read(s);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const position = first(s => exactly(decimals(s, 'x00200032'), 3)) as Vector | undefined;
  const cosines = first(s => exactly(decimals(s, 'x00200037'), 6));
  const spacing = first(s => exactly(decimals(s, 'x00280030'), 2));
  const slope = first(s => decimal(s, 'x00281053'));
  const intercept = first(s => decimal(s, 'x00281052'));
  const thickness = first(s => decimal(s, 'x00180050'));
  const orientation = cosines && unitVectors(cosines);
  return {
    ...(position ? { position } : {}),
    ...(orientation ? { orientation } : {}),
    ...(spacing && spacing[0]! > 0 && spacing[1]! > 0 ? { spacing: [spacing[0]!, spacing[1]!] as const } : {}),
    ...(slope === undefined ? {} : { slope }),
    ...(intercept === undefined ? {} : { intercept }),
    ...(thickness === undefined ? {} : { thickness }),
  };
}

function exactly(values: number[] | undefined, count: number): number[] | undefined {
  return values?.length === count ? values : undefined;
}

/** Two unit vectors at a right angle; undefined where the six numbers are not. */
function unitVectors(v: readonly number[]): [Vector, Vector] | undefined {
  const [a, b] = [v.slice(0, 3), v.slice(3)] as unknown as [Vector, Vector];
  const [la, lb] = [Math.hypot(...a), Math.hypot(...b)];
  const dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  if (Math.abs(la - 1) > 0.01 || Math.abs(lb - 1) > 0.01 || Math.abs(dot) > 0.01) return undefined;
  const unit = (u: Vector, l: number): Vector => [u[0] / l, u[1] / l, u[2] / l];
  return [unit(a, la), unit(b, lb)];
}

function acquisitionOf(set: DataSet): Record<string, string | number> {
  const shared = item(set, 'x52009229');
  const reconstruction = item(shared, 'x00189314') ?? set;
  return known({
    kernel: text(reconstruction, 'x00181210') ?? text(set, 'x00181210'),
    thicknessMm: decimal(set, 'x00180050'),
    kvp: decimal(set, 'x00180060'),
    exposureMas: decimal(set, 'x00181152'),
    vendor: text(set, 'x00080070'),
    scanner: text(set, 'x00081090'),
  });
}

function groupsOf(set: DataSet): Record<string, string> {
  const contrast = set.elements['x00180010'] === undefined ? undefined : text(set, 'x00180010') ? 'yes' : 'no';
  return known({
    age: ageBand(text(set, 'x00101010')),
    sex: text(set, 'x00100040'),
    vendor: text(set, 'x00080070'),
    kernel: text(set, 'x00181210', 0),
    contrast,
  });
}

/** '047Y' → '40–49'; ages above 89 are one band, as privacy rules ask. */
export function ageBand(age: string | undefined): string | undefined {
  const found = /^(\d{1,3})([DWMY])$/.exec(age ?? '');
  if (!found) return undefined;
  const years = found[2] === 'Y' ? Number(found[1]) : 0;
  const decade = Math.floor(years / 10) * 10;
  return years >= 90 ? '90 and over' : `${decade}–${decade + 9}`;
}

function known<T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([, v]) => v !== undefined)) as Record<string, T>;
}

export function readIdentity({ set }: Pick<DicomFile, 'set'>): DicomIdentity {
  const institution = text(set, 'x00080080');
  const others = items(set, 'x00101002').flatMap(other => text(other, 'x00100020') ?? []);
  return {
    patientId: text(set, 'x00100020') ?? '',
    numbers: [...texts(set, 'x00101000'), ...others, ...texts(set, 'x00080050')].filter(number => number !== ''),
    names: [...nameSpellings(set, 'x00100010'), ...nameSpellings(set, 'x00101001'), ...nameSpellings(set, 'x00101005')],
    ...(institution === undefined ? {} : { institution }),
  };
}

/** Where a frame's pixels lie: [rows, columns] in LPS millimetres. */
export function placementOf({ position, orientation }: DicomFrame): Placement3d | undefined {
  if (!position || !orientation) return undefined;
  // The column cosine points along rows' index, the row cosine along columns' index.
  return { origin: position, axes: [orientation[1], orientation[0]] };
}

/** Unit vector at a right angle to a slice: row × column direction. */
export function normalOf([r, c]: readonly [Vector, Vector]): Vector {
  return [r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]];
}

/** Millimetres along the slice normal; undefined where the file does not say. */
export function alongNormal({ position, orientation }: DicomFrame): number | undefined {
  if (!position || !orientation) return undefined;
  const normal = normalOf(orientation);
  return normal[0] * position[0] + normal[1] * position[1] + normal[2] * position[2];
}
