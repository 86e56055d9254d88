import type { DataReader } from '../../core/contracts/index.ts';
import { openVolumeFolder, volumeFolderOptions } from '../volumes/volume-folder.ts';

/**
 * NIfTI-1 and NIfTI-2 volumes (`.nii`, `.nii.gz`) in any orientation, cut into slices as radiologists look at them.
 * Scaling (`scl_slope`), the place in the patient (sform, else qform) and the unit of length are the file's own.
 */
export const nifti: DataReader = {
  name: 'nifti',
  title: 'NIfTI volumes',
  summary:
    'Folder of .nii and .nii.gz files, cut into axial, coronal or sagittal slices; masks from other NIfTI files.',
  options: volumeFolderOptions,
  open: async (given, { base }) => openVolumeFolder('nifti', volumeFolderOptions.parse(given), base),
};
