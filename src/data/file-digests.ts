import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

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
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function endsDigest(path: string, size: number): Promise<string> {
  const hash = createHash('sha256').update(`${size}\n`);
  const file = await open(path);
  try {
    for (const position of [0, Math.max(0, size - END)]) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(END), 0, END, position);
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
