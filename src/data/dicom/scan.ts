import type { FileHandle } from 'node:fs/promises';
import { messageOf } from '../../core/errors.ts';
import { openRegular, readRegular } from '../../files/regular.ts';
import { sniffKind } from '../files/sniff.ts';
import { type FoundFile, leftOutRemark, walkFolder } from '../files/walk.ts';
import { DamagedDicom, type DicomFile, parseDicomFile } from './dataset.ts';
import { type DicomHeader, type DicomIdentity, readHeader, readIdentity } from './header.ts';
import { term } from './terms.ts';

/** A DICOM file by its header; pixels are read when they are wanted. */
export interface ScannedFile extends FoundFile {
  readonly header: DicomHeader;
  readonly identity: DicomIdentity;
}

export interface ScannedFolder {
  /** Images of CT. */
  readonly images: readonly ScannedFile[];
  /** Segmentations and structure sets. */
  readonly outlines: readonly ScannedFile[];
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
  /** Whose files there are, those included that are left out: paths may hold their names. */
  readonly identities: readonly DicomIdentity[];
  readonly remarks: readonly string[];
}

export const SOP = {
  secondaryCapture: /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7(\.\d+)?$/,
  segmentation: '1.2.840.10008.5.1.4.1.1.66.4',
  labelMap: '1.2.840.10008.5.1.4.1.1.66.7',
  structureSet: '1.2.840.10008.5.1.4.1.1.481.3',
  parametricMap: '1.2.840.10008.5.1.4.1.1.30',
  directory: '1.2.840.10008.1.3.10',
} as const;

export const INCLUDABLE = ['localisers', 'secondary-captures', 'other-modalities'] as const;
export type Includable = (typeof INCLUDABLE)[number];

/** Headers are nearly always within these bytes; where they are not, the file is read as a whole. */
const HEAD = 48 * 1024;
/** Files that are open at a time. */
const AT_A_TIME = 16;
/** Endings of files that lie beside DICOM files and are not meant as such. */
const OTHERS = /\.(csv|txt|md|json|xml|pdf|html?|xlsx?|png|jpe?g|tiff?|bmp|nii|gz|npy|npz|zip)$/i;

/**
 * Reads the headers of all DICOM files below a folder.
 * @param skip Tells folders that are not entered.
 */
export async function scanDicomFolder(
  root: string,
  include: readonly Includable[],
  skip?: (id: string) => boolean,
): Promise<ScannedFolder> {
  const { files, leftOut: litter } = await walkFolder(root, skip);
  const found = await scanFiles(files, include);
  const said = leftOutRemark(litter);
  return { ...found, remarks: said ? [said] : [] };
}

/** The headers of these files. */
export async function scanFiles(
  files: readonly FoundFile[],
  include: readonly Includable[],
): Promise<Omit<ScannedFolder, 'remarks'>> {
  const results = new Array<ScannedFile | UnreadFile | undefined>(files.length);
  const queue = files.entries();
  const worker = async (): Promise<void> => {
    // Nothing of a header points into the bytes that it was read from.
    const room = Buffer.allocUnsafe(HEAD);
    for (const [i, file] of queue) results[i] = await scanFile(file, room);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  const images: ScannedFile[] = [];
  const outlines: ScannedFile[] = [];
  const leftOut: { path: string; reason: string }[] = [];
  const identities: DicomIdentity[] = [];
  for (const [i, result] of results.entries()) {
    if (result === undefined) continue;
    if (result.identity) identities.push(result.identity);
    const reason = 'reason' in result ? result.reason : reasonToLeaveOut(result.header, include);
    if (reason !== undefined || 'reason' in result) leftOut.push({ path: files[i]!.id, reason: reason! });
    else if (isOutline(result.header)) outlines.push(result);
    else images.push(result);
  }
  return { images, outlines, leftOut, identities };
}

/** A file without a header that makes sense, why, and whose it seems to be. */
interface UnreadFile {
  readonly reason: string;
  readonly identity?: DicomIdentity;
}

function isOutline({ sopClass }: DicomHeader): boolean {
  return sopClass === SOP.segmentation || sopClass === SOP.labelMap || sopClass === SOP.structureSet;
}

/** Why a file is no image that is wanted; undefined: it is one, or outlines of one. */
function reasonToLeaveOut(header: DicomHeader, include: readonly Includable[]): string | undefined {
  if (isOutline(header)) return undefined;
  const { sopClass, modality, imageType, samples } = header;
  if (sopClass === SOP.directory) return 'it is a directory of files (DICOMDIR)';
  if (sopClass === SOP.parametricMap) return 'it is a parametric map, such as a map of an explainer';
  if (!header.hasPixels) return `it has no pixels${modality === undefined ? '' : ` (modality ${term(modality)})`}`;
  if (imageType.includes('LOCALIZER') && !include.includes('localisers')) {
    return 'it is a localiser; include: [localisers] takes them';
  }
  if (SOP.secondaryCapture.test(sopClass) && !include.includes('secondary-captures')) {
    return 'it is a secondary capture (a picture of a screen); include: [secondary-captures] takes them';
  }
  if (samples !== 1) return 'it is coloured';
  if (modality !== undefined && modality !== 'CT' && !include.includes('other-modalities')) {
    return `its modality is ${term(modality)}; include: [other-modalities] takes others than CT`;
  }
  return undefined;
}

/** The file's header, why it has none, or undefined where it is not meant as DICOM. */
async function scanFile(file: FoundFile, room: Buffer): Promise<ScannedFile | UnreadFile | undefined> {
  let handle: FileHandle | undefined;
  try {
    const opened = await openRegular(file.path);
    const { size } = opened;
    handle = opened.handle;
    const head = room.subarray(0, Math.min(HEAD, size));
    await handle.read(head, 0, head.length, 0);
    if (sniffKind(head) !== 'dicom') {
      if (OTHERS.test(file.id)) return undefined;
      return { reason: size === 0 ? 'it is empty' : 'it is no DICOM file' };
    }
    const parsed = await parseHead(file.path, head, size);
    const identity = readIdentity(parsed);
    try {
      return { ...file, header: readHeader(parsed), identity };
    } catch (cause) {
      return { reason: messageOf(cause), identity };
    }
  } catch (cause) {
    const identity = cause instanceof DamagedDicom ? identityIn(cause) : undefined;
    return { reason: messageOf(cause), ...(identity ? { identity } : {}) };
  } finally {
    await handle?.close();
  }
}

function identityIn({ set }: DamagedDicom): DicomIdentity | undefined {
  try {
    return set && readIdentity({ set });
  } catch {
    return undefined;
  }
}

async function parseHead(path: string, head: Buffer, size: number): Promise<DicomFile> {
  if (size <= head.length) return parseDicomFile(head, true);
  try {
    const parsed = parseDicomFile(head, true);
    if (parsed.set.elements['x7fe00010']) return parsed;
  } catch {
    // The header is longer, or deflated: the whole file tells.
  }
  return parseDicomFile(await readRegular(path), true);
}
