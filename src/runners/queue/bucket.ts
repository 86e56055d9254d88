import { CtXaiError, messageOf } from '../../core/errors.ts';
import { loadAwsSdk } from './aws-sdk.ts';

/** A bucket of S3-compatible storage, and what all names in it begin with. */
export interface Bucket {
  /** As it was given. */
  readonly address: string;
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Undefined where there is nothing of that name. */
  read(name: string): Promise<Uint8Array | undefined>;
  remove(name: string): Promise<void>;
  /** What there is whose name begins with `start`. `version` changes when the content does. */
  list(start: string): AsyncIterable<{ readonly name: string; readonly size: number; readonly version: string }>;
  close(): void;
}

/** Whether a place for files is S3-compatible storage: `s3://BUCKET/PREFIX`. */
export function isS3(address: string): boolean {
  return address.startsWith('s3://');
}

/**
 * Opens a bucket by the AWS SDK, which takes keys, region and endpoint from the environment (AWS_ACCESS_KEY_ID,
 * AWS_REGION, AWS_ENDPOINT_URL_S3 …) and from the user's AWS files.
 * @throws CtXaiError QUEUE where the address is none, the SDK is not installed, or the storage refuses.
 */
export async function openBucket(address: string, env: NodeJS.ProcessEnv = process.env): Promise<Bucket> {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/(.*))?$/.exec(address) ?? [];
  if (bucket === undefined) {
    throw new CtXaiError('QUEUE', `'${address}' names no bucket.`, {
      hint: 'Write s3://BUCKET or s3://BUCKET/PREFIX.',
    });
  }
  const sdk = await loadAwsSdk().catch((cause: unknown) => {
    throw new CtXaiError('QUEUE', `${address}: the AWS SDK is not installed.`, {
      hint: 'npm install @aws-sdk/client-s3',
      cause,
    });
  });
  const own = Boolean(env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL);
  const client = new sdk.S3Client({
    region: env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1',
    // Servers of one's own seldom have a host name for each bucket, nor the newest checksums.
    ...(own ? { forcePathStyle: true } : {}),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const start = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
  const at = (name: string) => ({ Bucket: bucket, Key: `${start}${name}` });
  const tried = async <T>(what: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw new CtXaiError('QUEUE', `${address}: ${what} failed: ${messageOf(cause)}.`, {
        hint: 'Look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and AWS_ENDPOINT_URL_S3 for a server of your own.',
        cause,
      });
    }
  };
  return {
    address,
    async write(name, bytes) {
      await tried(`writing ${name}`, client.send(new sdk.PutObjectCommand({ ...at(name), Body: bytes })));
    },
    async read(name) {
      const bytes = client
        .send(new sdk.GetObjectCommand(at(name)))
        .then(({ Body }) => Body?.transformToByteArray())
        .catch((error: unknown) => {
          if ((error as Error).name === 'NoSuchKey') return undefined;
          throw error;
        });
      return tried(`reading ${name}`, bytes);
    },
    async remove(name) {
      await tried(`removing ${name}`, client.send(new sdk.DeleteObjectCommand(at(name))));
    },
    async *list(from) {
      for (let token: string | undefined; ; ) {
        const input = {
          Bucket: bucket,
          Prefix: `${start}${from}`,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        };
        const found = await tried('listing', client.send(new sdk.ListObjectsV2Command(input)));
        for (const { Key = '', Size = 0, ETag = '' } of found.Contents ?? []) {
          yield { name: Key.slice(start.length), size: Size, version: ETag };
        }
        token = found.NextContinuationToken;
        if (token === undefined) return;
      }
    },
    close: () => client.destroy(),
  };
}
