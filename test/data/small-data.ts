import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { zipSync } from 'fflate';
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
  const slice = (...hu: number[]) => writeNpy({ shape: [2, 2], data: Float32Array.from(hu) });
  put(folder, 'pairs/a.npy', slice(-900, -800, 40, 50));
  put(folder, 'pairs/a-without.npy', slice(-950, -800, 40, 50));
  put(folder, 'pairs/b.npy', slice(-900, -850, 30, 50));
  put(folder, 'pairs/pairs.csv', 'image,without,patient,label\na.npy,a-without.npy,1,covid\nb.npy,,2,healthy\n');
  await makeCollections(folder);
}

/** Public collections in their published layout, with a few images each. */
export async function makeCollections(folder: string): Promise<void> {
  let n = 0;
  const png = async (path: string) => put(folder, path, await tinyPng(n++));
  for (const [label, name] of [
    ['COVID', 'paper p1-12%0.png'],
    ['COVID', 'paper p1-12%1.png'],
    ['NonCOVID', '0.png'],
    ['NonCOVID', '1.png'],
  ] as const) {
    await png(`covid-ct/Images-processed/CT_${label}/${name}`);
  }
  put(folder, 'covid-ct/Data-split/COVID/trainCT_COVID.txt', 'paper p1-12%0.png\n');
  put(folder, 'covid-ct/Data-split/COVID/testCT_COVID.txt', 'paper p1-12%1.png\n');
  put(folder, 'covid-ct/Data-split/NonCOVID/testCT_NonCOVID.txt', '0.png\r\n1.png');
  const meta =
    'image name,Patient ID,DOI\npaper p1-12%0.png,Patient 7,x\npaper p1-12%1.png,Patient 7,x\n0.png,Patient 9,y\n';
  put(folder, 'covid-ct/COVID-CT-MetaInfo.csv', meta);
  for (const name of ['COVID/Covid (1).png', 'COVID/Covid (2).png', 'non-COVID/Non-Covid (1).png']) {
    await png(`sars-cov-2-ct/${name}`);
  }
  for (const name of ['NCP_96_1328_0035.png', 'NCP_96_1328_0036.png', 'CP_0_3131_0001.png', 'alone-007.png']) {
    await png(`covidx-ct/3A_images/${name}`);
  }
  put(
    folder,
    'covidx-ct/train_COVIDx_CT-3A.txt',
    'NCP_96_1328_0035.png 2 9 25 380 490\nNCP_96_1328_0036.png 2 9 25 380 490\n',
  );
  put(folder, 'covidx-ct/val_COVIDx_CT-3A.txt', 'CP_0_3131_0001.png 1 1 1 9 9\n');
  put(folder, 'covidx-ct/test_COVIDx_CT-3A.txt', 'alone-007.png 0 1 1 9 9\n');
  put(
    folder,
    'covidx-ct/metadata.csv',
    'patient id,source,finding\nNCP_96,CNCB,COVID-19\nNCP_9,CNCB,COVID-19\nCP_0,CNCB,Pneumonia\n',
  );
  const golden = resolve(import.meta.dirname, '../golden');
  const nifti = readFileSync(join(golden, 'volumes/straight.nii'));
  for (const name of ['CT-0/study_0001', 'CT-1/study_0255']) put(folder, `mosmed/studies/${name}.nii`, nifti);
  put(folder, 'mosmed/masks/study_0255_mask.nii', readFileSync(join(golden, 'volumes/straight_mask.nii')));
  const mha = readFileSync(join(golden, 'volumes/local.mha'));
  for (const id of ['5', '12', '13']) put(folder, `stoic/data/mha/${id}.mha`, mha);
  put(folder, 'stoic/metadata/reference.csv', 'PatientID,probCOVID,probSevere\n5,1,1\n12,0,0\n');
  const slice = readFileSync(join(golden, 'dicom/syntax/explicit.dcm'));
  for (const name of ['COVID-19 Cases/P001/IM0001', 'Cap Cases/cap002/IM0001', 'Normal Cases/normal003/IM0001']) {
    put(folder, `covid-ct-md/${name}.dcm`, slice);
  }
  const stack = (images: number) =>
    writeNpy({ shape: [images, 6, 6], data: Uint8Array.from({ length: 36 * images }, (_, i) => i) });
  const labels = (...values: number[]) => writeNpy({ shape: [values.length, 1], data: Uint8Array.from(values) });
  const archive = zipSync({
    'train_images.npy': stack(3),
    'train_labels.npy': labels(0, 1, 2),
    'test_images.npy': stack(2),
    'test_labels.npy': labels(2, 0),
  });
  put(folder, 'medmnist/organamnist.npz', archive);
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
    'covid-ct': { path: join(folder, 'covid-ct') },
    'sars-cov-2-ct': { path: join(folder, 'sars-cov-2-ct') },
    'covidx-ct': { path: join(folder, 'covidx-ct') },
    mosmed: { path: join(folder, 'mosmed') },
    'covid-ct-md': { path: join(folder, 'covid-ct-md') },
    stoic: { path: join(folder, 'stoic') },
    medmnist: { path: join(folder, 'medmnist') },
    pairs: { path: join(folder, 'pairs') },
    phantom: { patients: 2, slices: 1, size: 64, factors: true },
  };
  const found = all[reader];
  if (!found) throw new Error(`say in small-data.ts on which data the reader '${reader}' is checked`);
  return found;
}
