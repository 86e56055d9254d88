import { createHash } from 'node:crypto';
import { openRegular, piecesOf } from '../files/regular.ts';

/** Above this many bytes in all, only the ends of each file are read. */
const READ_WHOLE_UP_TO = 2 ** 30;
const END = 2 ** 16;

/**
 * SHA-256 (hex) of each file: of its content, or, where all together exceed 1 GiB, of its size and its first and last
 * 64 KiB. The same on every machine, whatever the times and places of the files.
 */
export async function fileDigests(
  files: readonly { readonly path: string; readonly size: number }[],
): Promise<Map<string, string>> {
  const whole = files.reduce((sum, f) => sum + f.size, 0) <= READ_WHOLE_UP_TO;
  const digests = new Map<string, string>();
  const queue = files.values();
  const worker = async (): Promise<void> => {
    for (const { path, size } of queue) digests.set(path, await (whole ? contentDigest(path) : endsDigest(path, size)));
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return digests;
}

/** SHA-256 (hex) of a file's content, streamed. */
export async function contentDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of piecesOf(path)) hash.update(piece);
  return hash.digest('hex');
}

async function endsDigest(path: string, size: number): Promise<string> {
  const hash = createHash('sha256').update(`${size}\n`);
  const { handle } = await openRegular(path);
  try {
    for (const position of [0, Math.max(0, size - END)]) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(END), 0, END, position);
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}
