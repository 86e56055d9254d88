import { inflateRawSync } from 'node:zlib';
import dicomParser, { type DataSet } from 'dicom-parser';
import { messageOf } from '../../core/errors.ts';

/** Transfer syntaxes that say how elements are written. */
export const SYNTAX = {
  implicitLittle: '1.2.840.10008.1.2',
  explicitLittle: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  explicitBig: '1.2.840.10008.1.2.2',
} as const;

/** Where the elements of a DICOM file are found. */
export interface DicomFile {
  /** As the file says, or as its bytes look where it says nothing. */
  readonly transferSyntax: string;
  readonly set: DataSet;
  /** What the elements' offsets count from: the file behind its header, inflated where it was deflated. */
  readonly bytes: Uint8Array;
}

const PIXEL_DATA = 'x7fe00010';
/** A deflated file may not become larger than this. */
const MOST_BYTES = 2 ** 30;

/**
 * Parses a DICOM file, with or without its preamble and header, whatever VR its elements turn out to have.
 * @param partial `bytes` may be cut off behind the start of the pixel data; they are not entered.
 * @throws Error if the bytes are no DICOM, or cut off earlier.
 */
export function parseDicomFile(bytes: Uint8Array, partial = false): DicomFile {
  const header = readFileHeader(bytes);
  let body = bytes.subarray(header.end);
  if (body.length < 8) throw new Error('it ends within its header');
  if (header.transferSyntax === SYNTAX.deflated) body = inflateRawSync(body, { maxOutputLength: MOST_BYTES });
  const encoding = encodingOf(body, header.transferSyntax);
  if (encoding === SYNTAX.explicitLittle) spellLongVrs(body);
  // 132 bytes are looked at for a preamble that is no longer there.
  if (body.length < 132) body = Buffer.concat([body, Buffer.alloc(0)]);
  try {
    const set = dicomParser.parseDicom(body, {
      TransferSyntaxUID: encoding,
      ...(partial ? { untilTag: PIXEL_DATA } : {}),
    });
    return { transferSyntax: header.transferSyntax ?? encoding, set, bytes: body };
  } catch (cause) {
    const found = (cause as { dataSet?: DataSet } | undefined)?.dataSet;
    if (found && onlyZerosAfterPixels(found, body)) {
      return { transferSyntax: header.transferSyntax ?? encoding, set: found, bytes: body };
    }
    throw new DamagedDicom(reasonOf(cause), found);
  }
}

/** Elements of group 7FE0 with VRs of eight bytes a number, which the parser does not know, as tag and VR. */
const OFFSETS = ['e07f01004f56', 'e07f02004f56', 'e07f03005556'].map(hex => Buffer.from(`${hex}0000`, 'hex'));

/** Calls the extended offset table and its lengths (OV, UV) bytes, in place: lengths of four bytes belong to both. */
function spellLongVrs(body: Uint8Array): void {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  for (const element of OFFSETS) {
    const found = bytes.indexOf(element, at);
    if (found < 0) continue;
    bytes.write('OB', found + 4, 'latin1');
    at = found;
  }
}

/** Whether a file has all its pixels, and behind them nothing but zeros, as copies from tapes and block devices have. */
function onlyZerosAfterPixels({ elements }: DataSet, body: Uint8Array): boolean {
  const pixels = elements[PIXEL_DATA];
  if (!pixels || pixels.length === 0) return false;
  const end = pixels.dataOffset + pixels.length;
  return end < body.length && body.subarray(end).every(byte => byte === 0);
}

/** A file that ends, or has no sense, within its elements. */
export class DamagedDicom extends Error {
  override readonly name = 'DamagedDicom';
  /** The elements before that: whose file it is may stand there. */
  readonly set: DataSet | undefined;

  constructor(message: string, set: DataSet | undefined) {
    super(message);
    this.set = set;
  }
}

/** The parser throws strings, and objects that hold one. */
function reasonOf(cause: unknown): string {
  const inner = (cause as { exception?: unknown } | undefined)?.exception ?? cause;
  const said = messageOf(inner);
  if (/buffer over(run|read)|maxP ?osition|past (the )?end|past end/i.test(said))
    return 'it ends early, within an element';
  return said.replaceAll(/dicomParser[.:](\w+\.?)+:? ?(- )?/g, '');
}

/** The file header of group 2: its transfer syntax, and where it ends. */
function readFileHeader(bytes: Uint8Array): { transferSyntax?: string; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  let at = text(128, 132) === 'DICM' ? 132 : 0;
  let transferSyntax: string | undefined;
  while (at + 8 <= bytes.length && view.getUint16(at, true) === 2) {
    const element = view.getUint16(at + 2, true);
    const vr = text(at + 4, at + 6);
    const long = ['OB', 'OW', 'OF', 'SQ', 'UT', 'UN'].includes(vr);
    if (long && at + 12 > bytes.length) break;
    const start = at + (long ? 12 : 8);
    const end = start + (long ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true));
    if (end > bytes.length) throw new Error('it ends within its header');
    if (element === 0x10) transferSyntax = text(start, end).replace(/[\0 ]+$/, '');
    at = end;
  }
  return { ...(transferSyntax ? { transferSyntax } : {}), end: at };
}

/** How elements are really written: some files say explicit and are implicit, or the other way round. */
function encodingOf(body: Uint8Array, said: string | undefined): string {
  if (said === SYNTAX.explicitBig) return said;
  const explicit = /^[A-Z]{2}$/.test(String.fromCharCode(body[4]!, body[5]!));
  return explicit ? SYNTAX.explicitLittle : SYNTAX.implicitLittle;
}

/** A value as text without padding; undefined where it is absent or empty. */
export function text(set: DataSet, tag: string, index?: number): string | undefined {
  const found = set.string(tag, index)?.replaceAll('\0', '').trim();
  return found === '' ? undefined : found;
}

/** All values of a text element. */
export function texts(set: DataSet, tag: string): string[] {
  return (text(set, tag) ?? '').split('\\').map(t => t.trim());
}

/** Numbers written as text (DS, IS); undefined unless all are finite. */
export function decimals(set: DataSet, tag: string): number[] | undefined {
  const found = text(set, tag);
  if (found === undefined) return undefined;
  const values = found.split('\\').map(Number.parseFloat);
  return values.every(Number.isFinite) ? values : undefined;
}

export function decimal(set: DataSet, tag: string): number | undefined {
  return decimals(set, tag)?.[0];
}

/** A binary 16-bit number without a sign (US). */
export function uint16(set: DataSet, tag: string): number | undefined {
  const element = set.elements[tag];
  return element && element.length >= 2 ? set.uint16(tag) : undefined;
}

/** The items of a sequence. */
export function items(set: DataSet | undefined, tag: string): DataSet[] {
  return (set?.elements[tag]?.items ?? []).flatMap(item => item.dataSet ?? []);
}

/** The first item of a sequence. */
export function item(set: DataSet | undefined, tag: string): DataSet | undefined {
  return items(set, tag)[0];
}
