import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { CtXaiError } from '../../core/errors.ts';
import { npyTensor, readNpy, writeNpy } from '../../core/npy.ts';
import { ioError, isMissing, writeAtomic } from '../../results/files.ts';
import type { RowArrays } from '../../results/run-store.ts';
import { type Bucket, isS3, openBucket } from './bucket.ts';
import type { ArrayRefs } from './messages.ts';
import { keyFor } from './redis.ts';

/** Arrays on their way between machines, each under the key of its job and the digest of its content. */
export interface ArrayStore {
  /** They are there for others once this resolves. */
  put(job: string, arrays: RowArrays): Promise<{ readonly refs: ArrayRefs; readonly bytes: number }>;
  /** @throws CtXaiError QUEUE where one is gone or damaged. */
  get(job: string, refs: ArrayRefs): Promise<RowArrays>;
  drop(job: string, refs: ArrayRefs): Promise<void>;
  /** Says here that this is the place of the run's arrays. */
  announce(): Promise<void>;
  /** Whether this is where the run's arrays are, and not another folder or bucket. */
  isRight(): Promise<boolean>;
  /** Removes all that is left of the run. */
  clear(): Promise<void>;
  close(): void;
}

/** Where bytes are kept under a name. */
interface Shelf {
  write(name: string, bytes: Uint8Array): Promise<void>;
  read(name: string): Promise<Uint8Array | undefined>;
  remove(names: readonly string[]): Promise<void>;
  clear(): Promise<void>;
  close(): void;
}

/** What nobody fetched is dropped after a week. */
const LIFE_SECONDS = 7 * 24 * 3600;

/** The name under which a run announces itself. */
const HERE = 'run';

/**
 * In a folder that all machines see or in S3-compatible storage (`s3://BUCKET/PREFIX`), or else in Redis.
 * @throws CtXaiError QUEUE where the storage can't be had.
 */
export async function openArrayStore(run: string, redis: Redis, files: string | undefined): Promise<ArrayStore> {
  const shelf = await openShelf(run, redis, files);
  const names = (job: string, refs: ArrayRefs) => Object.values(refs).map(digest => `${job}-${digest}`);
  return {
    async put(job, arrays) {
      const refs: Record<string, string> = {};
      let bytes = 0;
      for (const [role, array] of Object.entries(arrays)) {
        if (!array) continue;
        const file = writeNpy({ shape: array.shape, data: array.data });
        const digest = digestOf(file);
        await shelf.write(`${job}-${digest}`, file);
        refs[role] = digest;
        bytes += file.length;
      }
      return { refs, bytes };
    },
    async get(job, refs) {
      const arrays: Record<string, unknown> = {};
      for (const [role, digest] of Object.entries(refs)) {
        const file = await shelf.read(`${job}-${digest}`);
        if (!file || digestOf(file) !== digest) {
          throw new CtXaiError(
            'QUEUE',
            `an array that a job needs is ${file ? 'damaged' : 'gone'} (${role} of ${job}).`,
          );
        }
        arrays[role] = npyTensor(readNpy(file, role));
      }
      return arrays as RowArrays;
    },
    drop: (job, refs) => shelf.remove(names(job, refs)),
    announce: () => shelf.write(HERE, Buffer.from(run)),
    isRight: async () => Buffer.from((await shelf.read(HERE)) ?? []).toString() === run,
    clear: () => shelf.clear(),
    close: () => shelf.close(),
  };
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function openShelf(run: string, redis: Redis, files: string | undefined): Promise<Shelf> {
  if (files === undefined) return redisShelf(run, redis);
  return isS3(files) ? bucketShelf(run, await openBucket(files)) : folderShelf(join(files, run));
}

function bucketShelf(run: string, bucket: Bucket): Shelf {
  const nameOf = (name: string) => `${run}/${name}.npy`;
  return {
    write: (name, bytes) => bucket.write(nameOf(name), bytes),
    read: name => bucket.read(nameOf(name)),
    async remove(names) {
      for (const name of names) await bucket.remove(nameOf(name));
    },
    async clear() {
      for await (const { name } of bucket.list(`${run}/`)) await bucket.remove(name);
    },
    close: () => bucket.close(),
  };
}

function redisShelf(run: string, redis: Redis): Shelf {
  const keyOf = (name: string) => keyFor(run, `array:${name}`);
  return {
    async write(name, bytes) {
      await redis.set(keyOf(name), Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 'EX', LIFE_SECONDS);
    },
    async read(name) {
      return (await redis.getBuffer(keyOf(name))) ?? undefined;
    },
    async remove(names) {
      if (names.length > 0) await redis.del(...names.map(keyOf));
    },
    // They go with the run: see `RunQueue`.
    clear: async () => {},
    close: () => {},
  };
}

function folderShelf(dir: string): Shelf {
  const pathOf = (name: string) => join(dir, name.slice(0, 2), `${name}.npy`);
  return {
    write: (name, bytes) => writeAtomic(pathOf(name), bytes),
    async read(name) {
      try {
        return await readFile(pathOf(name));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw ioError(error, `reading ${pathOf(name)}`);
      }
    },
    async remove(names) {
      for (const name of names) await rm(pathOf(name), { force: true });
    },
    clear: () => rm(dir, { recursive: true, force: true }),
    close: () => {},
  };
}
