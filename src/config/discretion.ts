import { isAbsolute, relative, sep } from 'node:path';
import { homeFolder } from '../files/home.ts';

/** What of a suite may be written into a run folder. */
export interface Discretion {
  /** A text with values of the environment as `${NAME}`, and with paths relative to the suite or from `~`. */
  text(text: string): string;
  /** The same of all texts in a value. */
  value<T>(value: T): T;
}

/** Values of the environment that are shorter stand for themselves only where a text is nothing else. */
const TELLING = 4;

/** Variables that are paths: what they say is shortened as paths are. */
const PATHS = new Set(['HOME', 'PWD', 'OLDPWD', 'USERPROFILE', 'TMPDIR']);

/**
 * @param folder the suite's folder, which its paths start from
 * @param fromEnv values that the suite took from the environment, by their names
 */
export function createDiscretion(folder: string, fromEnv: ReadonlyMap<string, string>): Discretion {
  const home = homeFolder();
  const secrets = [...fromEnv]
    .filter(([name, value]) => !PATHS.has(name) && !isPath(value))
    .sort(([, a], [, b]) => b.length - a.length);
  const shortened = (text: string): string => {
    const within = folder === sep ? text : text.replaceAll(`${folder}${sep}`, '');
    const short = home === undefined ? within : within.replaceAll(home, '~');
    return short === folder ? '.' : short;
  };
  const wholePath = (text: string): string => {
    if (!isPath(text)) return shortened(text);
    const short = shortened(text);
    return isAbsolute(short) ? relative(folder, text) : short;
  };
  const text = (given: string): string => {
    let out = wholePath(given);
    for (const [name, value] of secrets) {
      if (given === value) return `\${${name}}`;
      if (value.length >= TELLING) out = out.replaceAll(value, `\${${name}}`);
    }
    return out;
  };
  const value = (given: unknown): unknown => {
    if (typeof given === 'string') return text(given);
    if (Array.isArray(given)) return given.map(value);
    if (given === null || typeof given !== 'object') return given;
    return Object.fromEntries(Object.entries(given).map(([key, item]) => [key, value(item)]));
  };
  return { text, value: given => value(given) as typeof given };
}

/** One absolute path and nothing else. */
function isPath(text: string): boolean {
  return isAbsolute(text) && !/[\n:;]|\s\//.test(text.slice(2));
}
