/** How `explain --save` writes maps on the scan's own pixels. */
export const SAVED = ['nifti', 'dicom', 'npy'] as const;
export type Saved = (typeof SAVED)[number];
