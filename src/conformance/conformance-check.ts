import { CtXaiError } from '../core/errors.ts';

/** One requirement of a contract. `run` rejects, with a message to act on, where it is not met. */
export interface Check {
  readonly name: string;
  run(): Promise<void>;
}

/** @throws CtXaiError PLUGIN with the message unless `condition` holds. */
export function ensure(condition: boolean, message: string, hint?: string): asserts condition {
  if (!condition) throw new CtXaiError('PLUGIN', message, hint === undefined ? {} : { hint });
}

/**
 * Leaves out the checks that `skip` names, each with a reason.
 * @throws CtXaiError PLUGIN if a name is not one of the checks'.
 */
export function withoutSkipped(checks: readonly Check[], skip: Readonly<Record<string, string>> = {}): Check[] {
  const names = checks.map(c => c.name);
  for (const name of Object.keys(skip)) {
    ensure(names.includes(name), `no check is called '${name}'.`, `There are: ${names.join('; ')}.`);
  }
  return checks.filter(c => skip[c.name] === undefined);
}
