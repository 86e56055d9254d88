/** A map that is right by design for a metric, and maps that are wrong by design. */
export interface OwnOracle {
  readonly right: string;
  readonly wrong: readonly string[];
  /** Why it is right, after the control's name. */
  readonly why: string;
}

/** Their maps stay as they are under other weights. */
const RANDOMISATION: OwnOracle = {
  right: 'random',
  wrong: ['edges', 'centre', 'hu-contrast'],
  why: 'which is another map under other weights',
};

/** `centre` ignores the image, so that no noise moves it; edges move with the noise. */
const ROBUSTNESS: OwnOracle = { right: 'centre', wrong: ['edges'], why: 'which no noise changes' };

const OWN: Readonly<Record<string, OwnOracle>> = {
  mprt: RANDOMISATION,
  'smooth-mprt': RANDOMISATION,
  'label-randomisation': RANDOMISATION,
  'max-sensitivity': ROBUSTNESS,
  'avg-sensitivity': ROBUSTNESS,
  'relative-input-stability': ROBUSTNESS,
  'relative-output-stability': ROBUSTNESS,
  'relative-representation-stability': ROBUSTNESS,
  'acquisition-stability': ROBUSTNESS,
  'translation-equivariance': { right: 'edges', wrong: ['centre'], why: 'which move with the image' },
};

/**
 * What a metric of robustness or randomisation must tell apart: of these the right answer is known by design, without
 * any truth about the model. Undefined where nothing is known.
 */
export function ownOracleOf({ name }: { readonly name: string }): OwnOracle | undefined {
  return Object.hasOwn(OWN, name) ? OWN[name] : undefined;
}
