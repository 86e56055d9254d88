import type { Site } from './site.ts';

/**
 * Emits d score / d input; undefined where that is 0 throughout. `null`: this input has no derivative here (an index,
 * a size); asking for it is an error. Only those are called whose input lies on the path.
 */
export type InputGradient = (() => string | undefined) | null;

/** How an operator is differentiated. */
export interface Rule {
  /** Operator types, of the default domain unless `domain:Type`. */
  readonly operators: readonly string[];
  /** Whether gradients of outputs beyond the first are handled. */
  readonly manyOutputs: boolean;
  /** The gradients of the inputs, in order; those beyond the end are `null`. */
  differentiate(site: Site): readonly InputGradient[];
}

/** Declares the rule of one operator or of a few that share it. */
export function defineRule(
  operators: string | readonly string[],
  differentiate: Rule['differentiate'],
  options: { manyOutputs?: boolean } = {},
): Rule {
  return {
    operators: typeof operators === 'string' ? [operators] : operators,
    manyOutputs: options.manyOutputs ?? false,
    differentiate,
  };
}
