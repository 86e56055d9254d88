import type { Capability } from '../../core/contracts/index.ts';

/** What a model can do beyond scores, and in plain words why it can't do the rest. */
export interface Abilities {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limitations: Readonly<Partial<Record<Capability, string>>>;
}

const ALL: readonly Capability[] = [
  'gradients',
  'backward-rules',
  'activations',
  'layers',
  'continuation',
  'bias-gradients',
  'attention',
];

/** The abilities that no limitation takes away. */
export function abilitiesWithout(limitations: Abilities['limitations']): Abilities {
  return { capabilities: new Set(ALL.filter(name => limitations[name] === undefined)), limitations };
}

/** Of a model between whose image and scores no tensor has more axes than one, as in dense networks. */
export const NO_LAYERS = 'the model has no layer with several axes between the image and the scores.';
