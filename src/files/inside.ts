import { isAbsolute, relative, resolve } from 'node:path';

/**
 * The path that a name found in a file of a folder stands for, or undefined where it would lead out of that folder: a
 * run folder, a model or a volume may come from somebody else. Links inside the folder are followed, since data sets
 * and model caches are made of them.
 */
export function insideFolder(dir: string, name: string): string | undefined {
  if (isAbsolute(name) || name.includes('\0')) return undefined;
  const path = resolve(dir, name);
  const way = relative(resolve(dir), path);
  const leadsOut = way === '' || way === '..' || way.startsWith('../') || way.startsWith('..\\') || isAbsolute(way);
  return leadsOut ? undefined : path;
}
