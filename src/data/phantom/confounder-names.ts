/** What can be drawn into the phantom so that it agrees with the label, in words. */
export const CONFOUNDERS = {
  letter: 'a burnt-in letter',
  table: "the table's edge",
  line: 'a central line',
  brightness: 'an offset of all HU',
  sharpness: 'a sharp kernel',
} as const;
export type Confounder = keyof typeof CONFOUNDERS;

export const CONFOUNDER_NAMES = Object.keys(CONFOUNDERS) as readonly Confounder[];

/** Confounders that are everywhere in the image, so that no map can be scored on them. */
export const NON_LOCAL: readonly Confounder[] = ['brightness', 'sharpness'];

/** Of each confounder that is asked for, the probability that it agrees with the label. */
export type Agreements = { readonly [C in Confounder]?: number | undefined };
