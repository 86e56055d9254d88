import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Bytes that a file may have to be read into memory, unless a reader says otherwise: what one buffer of Node holds. */
export const MOST_BYTES = 2 ** 31 - 1;

/** Opening a pipe must not wait for a writer: it is opened, seen to be none, and closed. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

export interface ReadOptions {
  /** Bytes that it may have. Default: 2 GiB. */
  readonly limit?: number;
}

/**
 * Opens an ordinary file for reading.
 * @throws Error saying what it is, if it is a folder, a pipe, a socket or a device; an error of Node where it can't be
 *   opened (ENOENT, EACCES …)
 */
export async function openRegular(path: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  const handle = await open(path, FLAGS);
  try {
    return { handle, size: regularSize(await handle.stat()) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** As `openRegular`; the caller closes the descriptor. */
export function openRegularSync(path: string): { readonly descriptor: number; readonly size: number } {
  const descriptor = openSync(path, FLAGS);
  try {
    return { descriptor, size: regularSize(fstatSync(descriptor)) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** A whole ordinary file. @throws Error as `openRegular`, and where it has more bytes than `limit` */
export async function readRegular(path: string, { limit = MOST_BYTES }: ReadOptions = {}): Promise<Buffer> {
  const { handle, size } = await openRegular(path);
  try {
    refuseLarge(size, limit);
    const bytes = Buffer.allocUnsafeSlow(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await handle.read(bytes, at, size - at, at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  } finally {
    await handle.close();
  }
}

/** As `readRegular`. */
export function readRegularSync(path: string, { limit = MOST_BYTES }: ReadOptions = {}): Buffer {
  const { descriptor, size } = openRegularSync(path);
  try {
    refuseLarge(size, limit);
    return readAt(descriptor, 0, size);
  } finally {
    closeSync(descriptor);
  }
}

/** `length` bytes of an open file from `offset` on; fewer at its end. */
export function readAt(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  while (at < length) {
    const got = readSync(descriptor, bytes, at, length - at, offset + at);
    if (got === 0) break;
    at += got;
  }
  return bytes.subarray(0, at);
}

/** The pieces of an ordinary file, one after the other. @throws Error as `openRegular` */
export async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  const { handle, size } = await openRegular(path);
  try {
    for (let at = 0; ; ) {
      // One byte more than is left, so that a small file ends with its first piece's size, and a growing one goes on.
      const piece = Buffer.allocUnsafe(Math.min(2 ** 18, Math.max(1, size - at + 1)));
      const { bytesRead } = await handle.read(piece, 0, piece.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Whether there is an ordinary file at this path. */
export function isRegular(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function regularSize(found: Stats): number {
  if (found.isFile()) return found.size;
  const what = found.isDirectory()
    ? 'a folder'
    : found.isFIFO()
      ? 'a pipe'
      : found.isSocket()
        ? 'a socket'
        : 'a device';
  throw new Error(`it is ${what}; an ordinary file is expected`);
}

function refuseLarge(size: number, limit: number): void {
  if (size > limit) throw new Error(`it has ${size} bytes; at most ${limit} are read`);
}
