/** What can be drawn into the phantom so that it agrees with the label. */
export const CONFOUNDERS = ['letter', 'table'] as const;
export type Confounder = (typeof CONFOUNDERS)[number];
