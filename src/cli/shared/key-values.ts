import { parse } from 'yaml';
import { CtXaiError } from '../../core/errors.ts';

/**
 * `key=value` with the value as in YAML: numbers, booleans, lists, or text.
 * @param flag the option of the command, for messages
 * @throws CtXaiError USAGE where there is no '='
 */
export function keyValues(given: readonly string[], flag: string): Record<string, unknown> {
  return Object.fromEntries(
    given.map(text => {
      const at = text.indexOf('=');
      if (at < 1) {
        throw new CtXaiError('USAGE', `${flag} ${text}: expected key=value.`, {
          hint: `For example ${flag} steps=20.`,
        });
      }
      return [text.slice(0, at), parse(text.slice(at + 1)) as unknown];
    }),
  );
}
