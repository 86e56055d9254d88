import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { openRegular } from '../files/regular.ts';
import { type FileKind, SNIFFED_BYTES, sniffKind } from './files/sniff.ts';
import { walkFolder } from './files/walk.ts';

/** Which reader takes a kind of file. */
const READERS: Readonly<Partial<Record<FileKind, string>>> = {
  dicom: 'dicom',
  nifti: 'nifti',
  metaimage: 'metaimage',
  npy: 'npy',
  zip: 'npy',
  png: 'image-folder',
  jpeg: 'image-folder',
  tiff: 'image-folder',
  bmp: 'image-folder',
};

/** Files of a folder that are looked at, spread over all. */
const LOOKED_AT = 60;

/** What folders of masks are called. */
const MASKS = /^(masks?|segmentations?|annotations?|lesions?)$/i;

export interface DetectedReader {
  /** The reader's name. */
  readonly use: string;
  /** A folder of masks within the data. */
  readonly masks?: string;
  /** Files looked at, and how many of them the reader takes. */
  readonly lookedAt: number;
  readonly taken: number;
}

/** The reader for a file, by its first bytes, and for compressed ones by its name; undefined where none takes it. */
export async function readerOfFile(path: string): Promise<string | undefined> {
  const { handle } = await openRegular(path).catch(cause => {
    throw new CtXaiError('IMAGE', `there is no file ${path}, or it can't be read (${messageOf(cause)}).`, { cause });
  });
  try {
    const head = Buffer.alloc(SNIFFED_BYTES);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    const kind = sniffKind(head.subarray(0, bytesRead));
    if (kind === 'gzip' && /\.nii\.gz$/i.test(path)) return 'nifti';
    if (kind === 'unknown' && extname(path).toLowerCase() === '.dcm') return 'dicom';
    return READERS[kind];
  } finally {
    await handle.close();
  }
}

/**
 * The reader that takes most of a folder's files, by their first bytes.
 * @throws CtXaiError DATA if there is no such file or folder, or no reader takes any of it
 */
export async function detectReader(path: string): Promise<DetectedReader> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new CtXaiError('DATA', `there is no file or folder ${path}.`);
  const masks = found.isDirectory() ? await masksFolder(path) : undefined;
  const skip = (id: string) => id === masks;
  const files = found.isDirectory() ? (await walkFolder(path, skip)).files.map(f => f.path) : [path];
  const step = Math.max(1, files.length / LOOKED_AT);
  const some = Array.from({ length: Math.min(LOOKED_AT, files.length) }, (_, i) => files[Math.floor(i * step)]!);
  const counts = new Map<string, number>();
  for (const file of some) {
    const use = await readerOfFile(file);
    if (use !== undefined) counts.set(use, (counts.get(use) ?? 0) + 1);
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  if (!best) {
    const what =
      files.length === 0 ? 'it holds no files' : `none of its ${files.length} files is of a kind that is read`;
    throw new CtXaiError('DATA', `${path}: ${what}.`, {
      hint: "Read are PNG, JPEG, TIFF, BMP, DICOM, NIfTI, MetaImage and NumPy files; see 'ct-xai list data'.",
    });
  }
  const [use, taken] = best;
  // DICOM and image archives have masks of their own; there a folder within the path is meant by name.
  return { use, lookedAt: some.length, taken, ...(masks === undefined || use === 'dicom' ? {} : { masks }) };
}

async function masksFolder(path: string): Promise<string | undefined> {
  const entries = await readdir(path);
  for (const name of entries.filter(n => MASKS.test(n))) {
    if ((await stat(join(path, name))).isDirectory()) return name;
  }
  return undefined;
}
