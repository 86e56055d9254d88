/** How `explain --save` writes maps on the scan's own pixels; a secondary capture is a picture of the scan under the map. */
export const SAVED = ['nifti', 'dicom', 'secondary-capture', 'npy'] as const;
export type Saved = (typeof SAVED)[number];
