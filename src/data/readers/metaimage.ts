import type { DataReader } from '../../core/contracts/index.ts';
import { openVolumeFolder, volumeFolderOptions } from '../volumes/volume-folder.ts';

/** MetaImage volumes of ITK (`.mha`, `.mhd` with its `.raw` or `.zraw`), cut into slices like NIfTI's. */
export const metaimage: DataReader = {
  name: 'metaimage',
  title: 'MetaImage volumes',
  summary: 'Folder of .mha and .mhd files, cut into axial, coronal or sagittal slices; masks from other volumes.',
  options: volumeFolderOptions,
  open: async (given, { base }) => openVolumeFolder('metaimage', volumeFolderOptions.parse(given), base),
};
