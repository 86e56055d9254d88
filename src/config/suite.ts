import { basename, dirname, extname, resolve } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { type Env, substitute } from './env.ts';
import { type Suite, suiteSchema } from './schema.ts';
import { type CheckContext, check } from './validate.ts';
import { readYaml } from './yaml.ts';

/** A suite that was read and checked, and not yet resolved. */
export interface LoadedSuite {
  readonly suite: Suite;
  /** Absolute path of its file, where it has one. */
  readonly file?: string;
  /** The folder that its paths start from. */
  readonly folder: string;
  /** Where a value stands, for messages. */
  readonly place: CheckContext['place'];
  /** The values that it took from the environment, by their names. */
  readonly fromEnv: ReadonlyMap<string, string>;
  readonly env: Env;
}

/** What the command line may set instead of the suite. */
export interface Overrides {
  readonly limit?: number;
  readonly seed?: number | string;
  readonly device?: string;
  /** The data reader's `path`; relative to the suite. */
  readonly data?: string;
  /** The run folder, absolute. */
  readonly out?: string;
}

/**
 * Reads a suite in YAML or JSON.
 * @param env What `${NAME}` in it refers to.
 * @throws CtXaiError SUITE with file and line, the nearest allowed key or name, and all that are allowed.
 */
export async function readSuite(path: string, env: Env = {}): Promise<LoadedSuite> {
  const file = resolve(path);
  const { value, place } = await readYaml(file, 'SUITE', 'the suite');
  return checkSuite(value, { file, folder: dirname(file), place, env });
}

/** A suite from an object. `folder`: where its paths start. */
export function parseSuite(value: unknown, folder: string, env: Env = {}): LoadedSuite {
  return checkSuite(value, { folder: resolve(folder), place: () => 'the suite', env });
}

function checkSuite(value: unknown, context: Omit<LoadedSuite, 'suite' | 'fromEnv'>): LoadedSuite {
  const { env, place, folder, file } = context;
  const fromEnv = new Map<string, string>();
  const given = check<Suite>(suiteSchema, substitute(value, env, place, fromEnv), { code: 'SUITE', place });
  const suite = given.name === undefined ? given : { ...given, name: discreetName(value, env, place) };
  return { suite, folder, place, fromEnv, env, ...(file === undefined ? {} : { file }) };
}

/** The name with variables of the environment as their names: it is that of the run folder, and stands on the page. */
function discreetName(value: unknown, env: Env, place: CheckContext['place']): string {
  const own = Object.fromEntries(Object.entries(env).map(([name, held]) => [name, held && name]));
  return substitute((value as { readonly name: string }).name, own, place) as string;
}

/** The suite's name, or its file's. @throws CtXaiError SUITE if it has neither. */
export function nameOf({ suite, file }: LoadedSuite): string {
  const name = suite.name ?? (file === undefined ? undefined : basename(file, extname(file)));
  if (name !== undefined) return name;
  throw new CtXaiError('SUITE', "the suite has no 'name'.", { hint: 'A suite that is not a file needs one.' });
}
