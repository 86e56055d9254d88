/** `projection`: slices are scanned and reconstructed; `none`: noise is drawn on them. */
export const PHYSICS = ['none', 'projection'] as const;
export type Physics = (typeof PHYSICS)[number];

export const KERNELS = ['soft', 'sharp'] as const;
export type Kernel = (typeof KERNELS)[number];

/** What may be asked for: `mixed` draws one for each patient. */
export const KERNEL_CHOICES = [...KERNELS, 'mixed'] as const;
export type KernelChoice = (typeof KERNEL_CHOICES)[number];
