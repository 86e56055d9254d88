import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve as resolveImport } from 'import-meta-resolve';
import { CtXaiError, messageOf } from '../core/errors.ts';

/**
 * The file that a suite's plug-in name means: a path from the suite's folder, or a package found in `node_modules` there
 * or above it, as Node finds it for an `import` in that folder.
 * @throws CtXaiError PLUGIN
 */
export function findPluginModule(name: string, folder: string): string {
  if (/^(\.{1,2}[\\/]|[\\/]|[A-Za-z]:[\\/])/.test(name)) {
    const file = resolve(folder, name);
    if (existsSync(file)) return file;
    throw new CtXaiError('PLUGIN', `plugins: there is no file ${file}.`, { hint: 'Paths start from the suite file.' });
  }
  try {
    const file = fileURLToPath(resolveImport(name, pathToFileURL(join(resolve(folder), 'suite.yaml')).href));
    if (existsSync(file)) return file;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const missing = code === 'ERR_MODULE_NOT_FOUND' && !/ imported from .*node_modules/.test(messageOf(cause));
    if (!missing) {
      throw new CtXaiError('PLUGIN', `plugins: the package '${name}' has no module to import: ${messageOf(cause)}.`, {
        cause,
      });
    }
  }
  throw new CtXaiError('PLUGIN', `plugins: no package '${name}' is installed in ${folder} or above it.`, {
    hint: `Run npm install ${name} there; a file's path starts with "./".`,
  });
}
