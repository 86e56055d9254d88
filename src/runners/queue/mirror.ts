import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { CtXaiError } from '../../core/errors.ts';
import { insideFolder } from '../../files/inside.ts';
import { readTextIfThere, writeAtomic } from '../../results/files.ts';
import { openBucket } from './bucket.ts';

/** What the mirror knows of its files: name → version. Beside the files, not among them. */
const INDEX = 'mirror.json';

/**
 * A local copy of a folder in S3-compatible storage: what is new or changed there is fetched, what is gone there is
 * removed.
 * @param cache The folder in which copies are kept, each under the digest of its address.
 * @returns the folder of the copy.
 * @throws CtXaiError QUEUE where the storage refuses, is empty there, or has a name that leads out of the folder.
 */
export async function mirrored(address: string, cache: string): Promise<string> {
  const home = join(cache, 's3', createHash('sha256').update(address).digest('hex').slice(0, 16));
  const folder = join(home, 'files');
  const known = parsed(await readTextIfThere(join(home, INDEX)));
  const bucket = await openBucket(address);
  const now: Record<string, string> = {};
  try {
    const here = new Set(await namesIn(folder));
    for await (const { name, version } of bucket.list('')) {
      if (name === '' || name.endsWith('/')) continue;
      const path = insideFolder(folder, name);
      if (path === undefined) throw new CtXaiError('QUEUE', `${address}: the name '${name}' leads out of the folder.`);
      if (known[name] !== version || !here.has(name)) {
        const bytes = await bucket.read(name);
        if (bytes) await writeAtomic(path, bytes);
      }
      now[name] = version;
    }
    if (Object.keys(now).length === 0) {
      throw new CtXaiError('QUEUE', `${address}: there is nothing.`, {
        hint: 'Copy the files there, and name their folder.',
      });
    }
    for (const name of here) if (!(name in now)) await rm(join(folder, ...name.split('/')), { force: true });
    await writeAtomic(join(home, INDEX), JSON.stringify(now));
    return folder;
  } finally {
    bucket.close();
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter(entry => entry.isFile())
    .map(entry =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .split(sep)
        .join('/'),
    );
}

function parsed(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
