/** Names of the trainings that `ct-xai train --further` makes. Apart, since the command line needs no more of them. */
export const FURTHER_TRAININGS = ['masked', 'shuffled-labels', 'seed-2', 'seed-3'] as const;
