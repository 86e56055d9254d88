/** What the first bytes of a file say it is. */
export type FileKind =
  | 'dicom'
  | 'nifti'
  | 'gzip'
  | 'npy'
  | 'zip'
  | 'metaimage'
  | 'png'
  | 'jpeg'
  | 'tiff'
  | 'bmp'
  | 'unknown';

/** Bytes that `sniffKind` looks at. */
export const SNIFFED_BYTES = 352;

/** The kind of a file by its first bytes (some 352 are enough), never by its name. */
export function sniffKind(bytes: Uint8Array): FileKind {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(128, 132) === 'DICM') return 'dicom';
  if (/^(n\+1|ni1)\0/.test(text(344, 348)) || /^(n\+2|ni2)\0/.test(text(4, 8))) return 'nifti';
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  if (text(0, 6) === '\u0093NUMPY') return 'npy';
  if (text(0, 4) === 'PK\u0003\u0004') return 'zip';
  if (text(0, 4) === '\u0089PNG') return 'png';
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return 'jpeg';
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(text(0, 4))) return 'tiff';
  if (text(0, 2) === 'BM') return 'bmp';
  if (/^\s*(ObjectType|NDims|Comment)\s*=/.test(text(0, 64))) return 'metaimage';
  return startsLikeDicom(bytes) ? 'dicom' : 'unknown';
}

/** A DICOM data set without preamble: its first element is of group 2 or 8, little endian, and short. */
function startsLikeDicom(bytes: Uint8Array): boolean {
  if (bytes.length < 8 || bytes[1] !== 0 || (bytes[0] !== 2 && bytes[0] !== 8) || bytes[3] !== 0) return false;
  const explicit = /^[A-Z]{2}$/.test(String.fromCharCode(bytes[4]!, bytes[5]!));
  const length = bytes[4]! + bytes[5]! * 256;
  return explicit || (bytes[6] === 0 && bytes[7] === 0 && length <= 128);
}

/** How files that are not pictures are called in messages. */
export const KIND_NAMES: Readonly<Partial<Record<FileKind, string>>> = {
  dicom: 'DICOM',
  nifti: 'NIfTI',
  gzip: 'gzip',
  npy: 'NumPy',
  zip: 'zip',
  metaimage: 'MetaImage',
};
