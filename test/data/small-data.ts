import { join } from 'node:path';
import { writeNpy } from '../../src/core/npy.ts';
import { put, tinyPng } from './images.ts';

/** Makes the data that readers are checked on, where none lies in the repository. */
export async function makeSmallData(folder: string): Promise<void> {
  for (const [k, label] of ['covid', 'healthy'].entries()) {
    for (const n of [0, 1]) put(folder, `images/${label}/${n}.png`, await tinyPng(2 * k + n));
  }
  put(
    folder,
    'arrays/a.npy',
    writeNpy({ shape: [3, 4, 5], data: Int16Array.from({ length: 60 }, (_, i) => i - 1000) }),
  );
}

/** Options under which a reader opens little data. @throws Error where nothing is said of it. */
export function smallDataOf(
  reader: string,
  { folder, golden }: { readonly folder: string; readonly golden: string },
): Readonly<Record<string, unknown>> {
  const all: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    'image-folder': { path: join(folder, 'images') },
    dicom: { path: join(golden, 'dicom/study') },
    nifti: { path: join(golden, 'volumes/straight.nii'), label: 'covid' },
    metaimage: { path: join(golden, 'volumes/local.mha') },
    npy: { path: join(folder, 'arrays') },
    phantom: { patients: 2, slices: 1, size: 64, factors: true },
  };
  const found = all[reader];
  if (!found) throw new Error(`say in small-data.ts on which data the reader '${reader}' is checked`);
  return found;
}
