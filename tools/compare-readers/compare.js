import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDicomFile } from '../../dist/data/dicom/dataset.js';
import { readHeader } from '../../dist/data/dicom/header.js';
import { createFrameDecoder } from '../../dist/data/dicom/pixels.js';
import { hounsfield, rescaleOf } from '../../dist/data/dicom/units.js';
import { readNiftiVolume } from '../../dist/data/volumes/nifti-file.js';

const decoder = createFrameDecoder();

/**
 * Reads a file that the reference library has read, and compares value by value.
 * @param {{ library: string, path: string, values?: string, error?: string }} entry
 * @param {string} folder of the references
 * @returns {Promise<{ outcome: 'equal' | 'close' | 'differs' | 'refused' | 'read', detail: string }>}
 */
export async function compareFile(entry, folder) {
  const expected = entry.values === undefined ? undefined : doubles(await readFile(join(folder, entry.values)));
  let found;
  try {
    found = await (entry.library === 'pydicom' ? dicomValues(entry) : niftiValues(entry));
  } catch (error) {
    return { outcome: 'refused', detail: String(error?.message ?? error) };
  }
  if (!expected) return { outcome: 'read', detail: `${entry.library} does not read it: ${entry.error}` };
  if (found.values.length !== expected.length) {
    return { outcome: 'differs', detail: `${found.values.length} values instead of ${expected.length}` };
  }
  let [most, different] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs(found.values[i] - expected[i]);
    // Scaled values are kept as float32 by both sides.
    if (gap <= found.within * Math.max(1, Math.abs(expected[i]))) continue;
    if (Number.isNaN(found.values[i]) && Number.isNaN(expected[i])) continue;
    different++;
    most = Math.max(most, gap);
  }
  if (different === 0 && !found.detail) return { outcome: 'equal', detail: '' };
  if (different > 0 && most <= 1 && /^JPEG (Baseline|Extended)/.test(entry.encoding)) {
    return { outcome: 'close', detail: `${different} of ${expected.length} values differ by 1, as T.81 lets decoders` };
  }
  if (different === 0) return { outcome: 'differs', detail: found.detail };
  return { outcome: 'differs', detail: `${different} of ${expected.length} values, by at most ${most}` };
}

function doubles(bytes) {
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Stored values of all frames; those of CT are taken to Hounsfield units as well and compared here. */
async function dicomValues({ path, modality, slope, intercept }) {
  const file = parseDicomFile(await readFile(path));
  const header = readHeader(file);
  const values = new Float64Array(header.rows * header.columns * header.frames.length);
  let detail = '';
  for (let k = 0; k < header.frames.length; k++) {
    const stored = await decoder.decode(file, header, k);
    values.set(stored, k * stored.length);
    if (modality !== 'CT' || slope === null || intercept === null) continue;
    const units = hounsfield(stored, rescaleOf(header, header.frames[k], undefined), undefined);
    if (units.some((v, i) => v !== Math.fround(stored[i] * slope + intercept))) detail = 'its Hounsfield units differ';
  }
  return { values, within: 0, detail };
}

/** Scaled values, first axis fastest, and whether every corner lies where nibabel says. */
async function niftiValues({ path, affine, shape = [] }) {
  const volume = await readNiftiVolume(path);
  const { data, slope, intercept, strides, offset } = volume;
  const [ni, nj, nk] = volume.shape;
  const values = new Float64Array(ni * nj * nk);
  let o = 0;
  for (let k = 0; k < nk; k++) {
    for (let j = 0; j < nj; j++) {
      for (let i = 0; i < ni; i++) {
        values[o++] = data[offset + i * strides[0] + j * strides[1] + k * strides[2]] * slope + intercept;
      }
    }
  }
  const far = shape.length >= 3 ? cornerDistance(volume, affine) : 0;
  return { values, within: 1e-6, detail: far > 1e-3 ? `a corner lies ${far.toFixed(3)} mm away` : '' };
}

function cornerDistance({ shape, origin, axes, spacing }, affine) {
  let most = 0;
  for (let corner = 0; corner < 8; corner++) {
    const at = shape.map((n, a) => (corner & (1 << a) ? n - 1 : 0));
    for (let row = 0; row < 3; row++) {
      const theirs = affine[row][3] + at.reduce((sum, n, a) => sum + affine[row][a] * n, 0);
      const lps = origin[row] + at.reduce((sum, n, a) => sum + axes[a][row] * spacing[a] * n, 0);
      // NIfTI counts towards the right and the front, the program towards the left and the back.
      most = Math.max(most, Math.abs((row < 2 ? -1 : 1) * lps - theirs));
    }
  }
  return most;
}
