import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Node opens all modules that a module imports at once; the list of what ships imports some two hundred. */
const ENOUGH = 512;

const FOLDERS = ['core', 'files', 'data', 'methods', 'metrics', 'results', 'reports', 'config', 'jobs', 'engines'];

/** Where few files may be open (`ulimit -n 64`), loads the modules that many others import one after the other. */
export async function loadSlowlyWhereFilesAreFew(): Promise<void> {
  if (openFileLimit() >= ENOUGH) return;
  // Of the packages, zod alone imports more than a handful at once: its languages.
  const own = FOLDERS.map(folder => new URL(`../../${folder}/`, import.meta.url));
  for (const folder of [new URL('./v4/locales/', import.meta.resolve('zod')), ...own]) {
    const files = readdirSync(fileURLToPath(folder), { recursive: true, encoding: 'utf8' }).sort();
    for (const file of files) {
      if (!file.endsWith('.js') || file.endsWith('worker.js') || file === 'index.js') continue;
      // What can't be loaded says so where it is used.
      await import(new URL(file, folder).href).catch(() => {});
    }
  }
}

/** Files that this process may have open, as Linux tells. */
function openFileLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return found === undefined ? Number.POSITIVE_INFINITY : Number(found);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
