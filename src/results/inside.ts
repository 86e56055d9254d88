import { isAbsolute, relative, resolve } from 'node:path';

/**
 * The path that a name found in a run folder's files stands for, or undefined where it would lead out of the folder: a
 * journal is input, and may come from somebody else.
 */
export function insideFolder(dir: string, file: string): string | undefined {
  const path = resolve(dir, file);
  const way = relative(resolve(dir), path);
  const leadsOut = way === '' || way === '..' || way.startsWith('../') || way.startsWith('..\\') || isAbsolute(way);
  return leadsOut || isAbsolute(file) || file.includes('\0') ? undefined : path;
}
