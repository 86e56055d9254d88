import { z } from 'zod';
import type { BackwardRules, Json } from '../../../../core/contracts/index.ts';
import { CtXaiError, nearest } from '../../../../core/errors.ts';
import { deconvnet } from './deconvnet.ts';
import { deeplift, deepliftOptions } from './deeplift.ts';
import { guidedBackprop } from './guided-backprop.ts';
import { lrp, lrpOptions } from './lrp.ts';
import type { RuleSet } from './rule-set.ts';

export type { RuleSet } from './rule-set.ts';

const NONE = z.strictObject({});

type Options = Readonly<Record<string, Json>>;

/** Rule sets by name, made from their options. */
const RULE_SETS: Readonly<Record<string, (options: Options) => RuleSet>> = {
  'guided-backprop': withOptions('guided-backprop', NONE, () => guidedBackprop),
  deconvnet: withOptions('deconvnet', NONE, () => deconvnet),
  deeplift: withOptions('deeplift', deepliftOptions, deeplift),
  lrp: withOptions('lrp', lrpOptions, lrp),
};

/** The names of all rule sets; `standard` is the derivative. */
export const RULE_SET_NAMES: readonly string[] = ['standard', ...Object.keys(RULE_SETS)];

/**
 * The rule set of that name; undefined for the derivative itself.
 * @throws CtXaiError USAGE for names and options that there are not
 */
export function ruleSetOf(rules: BackwardRules | undefined): RuleSet | undefined {
  if (rules === undefined || rules.name === 'standard') return undefined;
  const make = Object.hasOwn(RULE_SETS, rules.name) ? RULE_SETS[rules.name] : undefined;
  if (make) return make(rules.options ?? {});
  const near = nearest(rules.name, RULE_SET_NAMES);
  throw new CtXaiError('USAGE', `there are no backward rules '${rules.name}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}There are: ${RULE_SET_NAMES.join(', ')}.`,
  });
}

function withOptions<S extends z.ZodType>(name: string, schema: S, make: (options: z.output<S>) => RuleSet) {
  return (options: Options): RuleSet => {
    const parsed = schema.safeParse(options);
    if (parsed.success) return make(parsed.data);
    throw new CtXaiError('USAGE', `backward rules '${name}': ${z.prettifyError(parsed.error)}`);
  };
}
