import { CtXaiError } from '../core/errors.ts';
import { pathText } from './validate.ts';

export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in all strings of a value by what the environment has; `$$` is a dollar.
 * @param used Takes the variables that had a value.
 * @throws CtXaiError SUITE if a variable without a default is not set.
 */
export function substitute(
  value: unknown,
  env: Env,
  place: (path: readonly PropertyKey[]) => string,
  used: Map<string, string> = new Map(),
): unknown {
  const visit = (v: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof v === 'string') {
      return v.replace(REFERENCE, (all, name: string | undefined, fallback: string | undefined) => {
        if (name === undefined) return all === '$$' ? '$' : all;
        const given = env[name];
        if (given) used.set(name, given);
        const found = given || fallback;
        if (found !== undefined) return found;
        throw new CtXaiError('SUITE', `${place(path)}: ${pathText(path)} needs the environment variable ${name}.`, {
          hint: `Set it, or give a default: \${${name}:-…}.`,
        });
      });
    }
    if (Array.isArray(v)) return v.map((item, i) => visit(item, [...path, i]));
    if (v !== null && typeof v === 'object') {
      return Object.fromEntries(Object.entries(v).map(([key, item]) => [key, visit(item, [...path, key])]));
    }
    return v;
  };
  return visit(value, []);
}
