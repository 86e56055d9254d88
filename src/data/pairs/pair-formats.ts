/** How pairs are written. */
export const PAIR_FORMATS = ['nifti', 'dicom'] as const;
export type PairFormat = (typeof PAIR_FORMATS)[number];
