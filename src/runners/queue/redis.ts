import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { ioError } from '../../results/files.ts';

/** What begins the names of all that is kept in Redis. */
const PREFIX = 'ct-xai';

/** How BullMQ's keys begin. */
export const QUEUE_PREFIX = `${PREFIX}-queue`;

/** The runs that have work, by the time at which they began. */
export const RUNS = `${PREFIX}:runs`;

/** The name of something that belongs to a run. */
export function keyFor(run: string, what: string): string {
  return `${PREFIX}:${run}:${what}`;
}

/** The name of a run's BullMQ queue. */
export function queueName(run: string): string {
  return `run-${run}`;
}

/** Where Redis is, and as whom. */
export interface RedisPlace {
  readonly options: {
    readonly host: string;
    readonly port: number;
    readonly username?: string;
    readonly password?: string;
    readonly db?: number;
    readonly tls?: { readonly servername: string; readonly ca?: Buffer };
  };
  /** The address without the password. */
  readonly shown: string;
  /** Whether what is sent can be read on the way. */
  readonly open: boolean;
}

const EXPECTED = "Write redis://HOST:PORT, or rediss://HOST:PORT for TLS, such as 'redis://127.0.0.1:6379'.";

/**
 * Reads an address `redis[s]://[user:password@]host[:port][/database]`.
 * @param env CT_XAI_REDIS_PASSWORD is the password where the address has none, so that no list of processes shows it;
 *   CT_XAI_REDIS_CA is the file of the authority that signed the server's certificate, where the system knows it not.
 * @throws CtXaiError USAGE if it is no such address, IO if the authority's file can't be read.
 */
export function redisPlace(address: string, env: NodeJS.ProcessEnv = process.env): RedisPlace {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    throw new CtXaiError('USAGE', 'this is not an address of Redis.', { hint: EXPECTED });
  }
  const database = url.pathname.replace(/^\//, '');
  if (!/^\d{0,5}$/.test(database)) {
    throw new CtXaiError('USAGE', `the database of Redis is a number, not '${database}'.`, { hint: EXPECTED });
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 6379 : Number(url.port);
  const secure = url.protocol === 'rediss:';
  const password = url.password === '' ? env.CT_XAI_REDIS_PASSWORD : decodeURIComponent(url.password);
  return {
    options: {
      host,
      port,
      ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
      ...(password ? { password } : {}),
      ...(database === '' ? {} : { db: Number(database) }),
      ...(secure ? { tls: { servername: host, ...authority(env.CT_XAI_REDIS_CA) } } : {}),
    },
    shown: `${url.protocol}//${url.hostname}:${port}${database === '' ? '' : `/${database}`}`,
    open: !secure && !/^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host),
  };
}

function authority(file: string | undefined): { ca?: Buffer } {
  if (!file) return {};
  try {
    return { ca: readFileSync(file) };
  } catch (error) {
    throw ioError(error, `reading the certificate that CT_XAI_REDIS_CA names, ${file}`);
  }
}

const CONNECT_MS = 10_000;

/**
 * Connects to Redis. The first connection is refused with a reason; one that is lost later is made again, for as long
 * as it takes, and commands wait for it.
 * @throws CtXaiError QUEUE if Redis can't be reached or does not let us in.
 */
export async function connect(place: RedisPlace, warn: (message: string) => void): Promise<Redis> {
  const { Redis: Client } = await import('ioredis');
  let ready = false;
  const redis = new Client({
    ...place.options,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => (ready ? Math.min(200 * times, 2000) : null),
  });
  let lost = false;
  let last: unknown;
  redis.on('error', error => {
    last = error;
    if (ready && !lost) warn(`the connection to ${place.shown} is lost (${messageOf(error)}); it is tried again.`);
    lost = ready;
  });
  redis.on('close', () => {
    if (ready && !lost) warn(`the connection to ${place.shown} is lost; it is tried again.`);
    lost = ready;
  });
  redis.on('ready', () => {
    if (lost) warn(`the connection to ${place.shown} is there again.`);
    lost = false;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    throw refusal(place, last ?? error);
  }
  ready = true;
  return redis;
}

/** Ends a connection, whether or not it is there at the moment. */
export async function disconnect(redis: Redis): Promise<void> {
  redis.removeAllListeners('close');
  if (redis.status === 'ready') await redis.quit().catch(() => {});
  redis.disconnect();
}

function refusal({ shown }: RedisPlace, error: unknown): CtXaiError {
  const message = messageOf(error);
  const hint = /NOAUTH|WRONGPASS|invalid password/i.test(message)
    ? 'Give the password in CT_XAI_REDIS_PASSWORD, or in the address: redis://user:password@host.'
    : /certificate|self.signed|altname|SSL|TLS/i.test(message)
      ? 'Name the file of the authority that signed its certificate in CT_XAI_REDIS_CA.'
      : 'Is redis-server running there, and does the address begin with rediss:// where it speaks TLS?';
  return new CtXaiError('QUEUE', `${shown} can't be used: ${message}.`, { hint, cause: error });
}
