import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CtXaiError } from '../core/errors.ts';

/**
 * The file that a suite's plugin name means: a path from the suite's folder, or a package found in `node_modules` there
 * or above it, as Node would find it for an `import` in that folder.
 * @throws CtXaiError PLUGIN
 */
export function findPluginModule(name: string, folder: string): string {
  if (/^(\.{1,2}[\\/]|[\\/]|[A-Za-z]:[\\/])/.test(name)) {
    const file = resolve(folder, name);
    if (existsSync(file)) return file;
    throw new CtXaiError('PLUGIN', `plugins: there is no file ${file}.`, { hint: 'Paths start from the suite file.' });
  }
  const [, packageName = name, subpath = ''] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(name) ?? [];
  for (let at = resolve(folder); ; at = dirname(at)) {
    const root = join(at, 'node_modules', packageName);
    if (existsSync(join(root, 'package.json'))) return entryOf(root, subpath, name);
    if (dirname(at) === at) break;
  }
  throw new CtXaiError('PLUGIN', `plugins: no package '${name}' is installed in ${folder} or above it.`, {
    hint: `Run npm install ${packageName} there; a file's path starts with "./".`,
  });
}

interface Manifest {
  readonly exports?: unknown;
  readonly main?: string;
}

function entryOf(root: string, subpath: string, name: string): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const target =
    manifest.exports === undefined
      ? subpath === ''
        ? (manifest.main ?? 'index.js')
        : `.${subpath}`
      : exported(manifest.exports, `.${subpath}`);
  if (target !== undefined && existsSync(join(root, target))) return join(root, target);
  throw new CtXaiError('PLUGIN', `plugins: the package '${name}' in ${root} has no module to import.`);
}

/** What a package's `exports` gives for a subpath; patterns with `*` are not followed. */
function exported(exports: unknown, subpath: string): string | undefined {
  const bySubpath =
    exports !== null && typeof exports === 'object' && Object.keys(exports).some(k => k.startsWith('.'));
  if (bySubpath) return condition((exports as Record<string, unknown>)[subpath]);
  return subpath === '.' ? condition(exports) : undefined;
}

function condition(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (Array.isArray(target)) return target.map(condition).find(t => t !== undefined);
  if (target === null || typeof target !== 'object') return undefined;
  for (const [key, value] of Object.entries(target)) {
    if (!['import', 'node', 'module-sync', 'default'].includes(key)) continue;
    const found = condition(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
