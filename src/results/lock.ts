import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { ioError, isMissing, readTextIfThere } from './files.ts';

export const LOCK_FILE = 'run.lock';

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one with the same pid; empty where the system doesn't say. */
  readonly born: string;
}

export interface Lock {
  release(): Promise<void>;
}

/**
 * Keeps other processes out of a run folder. A lock whose process is dead is taken over.
 * @throws CtXaiError RUN_FOLDER while another process holds it.
 */
export async function acquireLock(dir: string): Promise<Lock> {
  const path = join(dir, LOCK_FILE);
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), born: await bornAt(process.pid) } satisfies Owner);
  for (let attempt = 0; attempt < 5; attempt++) {
    if (await place(path, mine)) {
      return {
        async release() {
          if ((await readTextIfThere(path)) === mine) await rm(path, { force: true });
        },
      };
    }
    const held = await readTextIfThere(path);
    if (held === undefined) continue;
    const owner = parse(held);
    if (owner && (owner.host !== hostname() || (await isAlive(owner)))) {
      throw new CtXaiError('RUN_FOLDER', `${dir} is in use by process ${owner.pid} on ${owner.host}.`, {
        hint:
          owner.host === hostname()
            ? 'Wait for it to end, or choose another folder with --out.'
            : `If that machine no longer runs it, delete ${path}.`,
      });
    }
    await removeStale(path, held);
  }
  throw new CtXaiError('RUN_FOLDER', `${dir} is being opened by several processes at once.`, { hint: 'Try again.' });
}

/** Makes the lock with its content in one step; false where there is one. */
async function place(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(temporary, content, { flag: 'wx' });
    try {
      await link(temporary, path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EEXIST') return false;
      // No hard links here.
      if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EOPNOTSUPP') {
        await writeFile(path, content, { flag: 'wx' });
      } else throw error;
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw ioError(error, `writing ${path}`);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/** Moves a stale lock aside; puts it back where another process was quicker and it isn't the stale one any more. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== stale) await link(aside, path).catch(() => {});
    await rm(aside, { force: true });
  } catch (error) {
    if (!isMissing(error)) throw ioError(error, `removing the stale ${path}`);
  }
}

function parse(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    return owner && typeof owner.pid === 'number' && typeof owner.host === 'string'
      ? { pid: owner.pid, host: owner.host, born: String(owner.born ?? '') }
      : undefined;
  } catch {
    return undefined;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const born = await bornAt(owner.pid);
  return born !== DEAD && (owner.born === '' || born === '' || born === owner.born);
}

const DEAD = 'dead';

/** A process's start time in clock ticks since boot, with the boot's id (Linux), 'dead' for a zombie; '' elsewhere. */
async function bornAt(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    // Field 22; the command's name in brackets may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? DEAD : `${boot.trim()}:${fields[19] ?? ''}`;
  } catch {
    return '';
  }
}
