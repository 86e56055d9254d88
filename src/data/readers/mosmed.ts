import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DataReader } from '../../core/contracts/index.ts';
import { asCollection, collectionFolder, collectionSummary, volumeCollection } from '../collections/collection.ts';
import { openVolumeFolder, volumeFolderOptions } from '../volumes/volume-folder.ts';

const FACTS = {
  name: 'mosmed',
  from: 'https://mosmed.ai/en/datasets (COVID19_1110)',
  licence: 'CC BY-NC-ND 3.0',
  tried: false,
} as const;

/**
 * MosMedData COVID19_1110 (Morozov et al. 2020): NIfTI studies in `studies/CT-0` (normal) to `studies/CT-4` (more than
 * three quarters of the lung affected), each of one patient, and masks of 50 of them in `masks`. Every tenth slice of
 * 0.8 mm was published.
 */
export const mosmed: DataReader = {
  name: 'mosmed',
  title: 'MosMedData COVID19_1110',
  summary: collectionSummary('1,110 CT studies in five classes of severity, CT-0 to CT-4, 50 with masks.', FACTS),
  options: volumeCollection,
  async open(given, { base }) {
    const o = volumeCollection.parse(given);
    const root = await collectionFolder(base, o.path, FACTS);
    const masks = existsSync(join(root, 'masks')) ? { masks: 'masks' } : {};
    const settings = volumeFolderOptions.parse({ ...o, path: root, unit: 'HU', labelFolders: false, ...masks });
    const dataset = await openVolumeFolder('nifti', settings, base);
    return asCollection(dataset, FACTS, ({ id }) => {
      const label = id.split('/').find(part => /^CT-[0-4]$/i.test(part));
      const study = id.split('/').find(part => /\.nii(\.gz)?$/i.test(part));
      if (label === undefined || study === undefined) return undefined;
      return { label: label.toUpperCase(), patient: basename(study).replace(/\.nii(\.gz)?$/i, '') };
    });
  },
};
