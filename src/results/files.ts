import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { readRegular } from '../files/regular.ts';

const REASONS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ENOSPC: ['no space is left on the device', 'Free some and start again with the same command: the run goes on.'],
  EDQUOT: ['the disk quota is used up', 'Free some space and start again with the same command: the run goes on.'],
  EROFS: ['the file system is read-only', 'Choose another folder with --out.'],
  EACCES: ['permission was denied', 'Choose another folder with --out, or change its permissions.'],
  EPERM: ['the operation is not permitted', 'Choose another folder with --out, or change its permissions.'],
  ENOTDIR: ['a part of the path is a file', 'Choose another folder with --out.'],
  ENAMETOOLONG: ['the path is too long', 'Choose a shorter one with --out.'],
  EMFILE: ['too many files are open', 'Raise the limit (ulimit -n).'],
  EFBIG: ['the file would be larger than allowed', 'Raise the limit (ulimit -f).'],
  EIO: ['the device reports an input/output error', 'Check the disk; the run goes on where it stopped.'],
};

/** Any error of the file system as a CtXaiError IO that says what was tried. CtXaiErrors pass through. */
export function ioError(error: unknown, tried: string): CtXaiError {
  if (error instanceof CtXaiError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const known = REASONS[code];
  const what = known?.[0] ?? (error instanceof Error ? error.message : String(error));
  return new CtXaiError('IO', `${tried}: ${what}.`, {
    cause: error,
    ...(known ? { hint: known[1] } : {}),
  });
}

export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** A text file, or undefined where there is none. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readRegular(path)).toString('utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw ioError(error, `reading ${path}`);
  }
}

/** Makes renames and new names in a folder durable. Where folders can't be synced (Windows) it does nothing. */
export async function syncFolder(dir: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(dir, 'r');
    await handle.sync();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EISDIR' && code !== 'EPERM' && code !== 'EINVAL') throw error;
  } finally {
    await handle?.close();
  }
}

/** Whether a name is that of a file that was being written when its process died. */
export function isLeftover(name: string): boolean {
  return /^\..*\.tmp$/.test(name);
}

/** Removes what writers that were killed have left in a folder and below it; only for whoever has locked it. */
export async function dropLeftovers(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const left = isLeftover(entry.name) || /^run\.lock\.[0-9a-f]{8}$/.test(entry.name);
    if (entry.isFile() && left) await rm(join(entry.parentPath, entry.name), { force: true });
  }
}

/** A file being written beside its place. */
export interface AtomicFile {
  write(piece: string | Uint8Array): Promise<void>;
  /** Syncs it and renames it into its place. */
  commit(): Promise<void>;
  /** Drops it; does nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Begins a file that, after a crash at any instant, is either the old one or the new one, whole. Its folder is made.
 * @throws CtXaiError IO, as its functions do.
 */
export async function createAtomic(path: string): Promise<AtomicFile> {
  const dir = dirname(path);
  const temporary = join(dir, `.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
  const tried = `writing ${path}`;
  let handle: FileHandle | undefined;
  try {
    await mkdir(dir, { recursive: true });
    handle = await open(temporary, 'w');
  } catch (error) {
    throw ioError(error, tried);
  }
  const discard = async (): Promise<void> => {
    if (!handle) return;
    const open = handle;
    handle = undefined;
    await open.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
  };
  const attempt = async (step: (open: FileHandle) => Promise<void>): Promise<void> => {
    if (!handle) throw new Error(`${path} is closed`);
    try {
      await step(handle);
    } catch (error) {
      await discard();
      throw ioError(error, tried);
    }
  };
  return {
    write: piece => attempt(open => open.writeFile(piece)),
    commit: () =>
      attempt(async open => {
        await open.sync();
        await open.close();
        await rename(temporary, path);
        handle = undefined;
        await syncFolder(dir);
      }),
    discard,
  };
}

/** Writes a whole file by `createAtomic`; `body` may be pieces, written one after the other. */
export async function writeAtomic(
  path: string,
  body: string | Uint8Array | AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const file = await createAtomic(path);
  try {
    if (typeof body === 'string' || body instanceof Uint8Array) await file.write(body);
    else for await (const piece of body) await file.write(piece);
    await file.commit();
  } finally {
    await file.discard();
  }
}
