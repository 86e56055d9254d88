import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file below a folder. */
export interface FoundFile {
  /** Path relative to the folder, with '/', in Unicode's composed form. */
  readonly id: string;
  readonly path: string;
}

export interface WalkedFolder {
  /** Ordered by id. */
  readonly files: readonly FoundFile[];
  /** What was passed by, and how often: '__MACOSX' → 2. */
  readonly leftOut: ReadonlyMap<string, number>;
}

/** What operating systems, editors and archivers put between the data, by its name in lower case. */
const LITTER = new Set(['__macosx', 'thumbs.db', 'desktop.ini', '@eadir', '$recycle.bin', 'lost+found']);

/**
 * All files below a folder, at any depth. Linked files and folders are followed (a link that leads back to a folder
 * above itself is not). Names that begin with a dot, and what systems put there of their own (`__MACOSX`, `Thumbs.db`),
 * are left out and counted.
 * @param skip Tells folders, by their id, that are not entered and not counted.
 */
export async function walkFolder(root: string, skip: (id: string) => boolean = () => false): Promise<WalkedFolder> {
  const files: FoundFile[] = [];
  const leftOut = new Map<string, number>();
  const leave = (what: string): void => void leftOut.set(what, (leftOut.get(what) ?? 0) + 1);
  const visit = async (folder: string, id: string, above: readonly string[]): Promise<void> => {
    const real = await realpath(folder);
    if (above.includes(real)) return leave('links to a folder above themselves');
    const items = await readdir(folder, { withFileTypes: true });
    for (const item of items.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const litter = litterName(item.name);
      if (litter !== undefined) {
        leave(litter);
        continue;
      }
      const path = join(folder, item.name);
      const itemId = `${id}${id === '' ? '' : '/'}${item.name.normalize('NFC')}`;
      const kind = await kindOf(item, path);
      if (kind === 'folder') {
        if (!skip(itemId)) await visit(path, itemId, [...above, real]);
      } else if (kind === 'file') files.push({ id: itemId, path });
      else leave(kind);
    }
  };
  await visit(root, '', []);
  files.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { files, leftOut };
}

/** Under which name a file or folder is left out; undefined: it is not. */
function litterName(name: string): string | undefined {
  if (LITTER.has(name.toLowerCase())) return name;
  if (name.startsWith('._')) return '._*';
  if (name === '.ipynb_checkpoints') return name;
  return name.startsWith('.') ? 'hidden files and folders' : undefined;
}

async function kindOf(item: Dirent, path: string): Promise<string> {
  if (item.isDirectory()) return 'folder';
  if (item.isFile()) return 'file';
  if (!item.isSymbolicLink()) return 'devices, pipes and sockets';
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return 'folder';
  return found?.isFile() ? 'file' : 'links that lead nowhere';
}

/** 'left out: __MACOSX (2), Thumbs.db (1)'; undefined where nothing was. */
export function leftOutRemark(leftOut: ReadonlyMap<string, number>): string | undefined {
  if (leftOut.size === 0) return undefined;
  return `left out, as no part of the data: ${[...leftOut].map(([what, n]) => `${what} (${n})`).join(', ')}`;
}
