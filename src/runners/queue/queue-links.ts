import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Queue, Job as QueueJob } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Block, type Notice, type Presence, parseJson, readPresence, readRuntime } from './messages.ts';
import { keyFor, QUEUE_PREFIX, queueName, type RedisPlace, RUNS } from './redis.ts';

/** A block that has ended, as BullMQ keeps it. */
export interface Ended {
  readonly id: string;
  readonly data: unknown;
  readonly returned: unknown;
  /** Why it failed as a whole; undefined where it came back. */
  readonly failed: string | undefined;
  remove(): Promise<void>;
}

/** A run's queue in Redis, as the coordinator uses it. */
export interface RunQueue {
  /** Tells workers of the run. `anew`: also where it was cancelled before. */
  publish(notice: Notice, anew: boolean): Promise<void>;
  /** Whether the run was published and ended from elsewhere. */
  cancelled(): Promise<boolean>;
  add(blocks: readonly { readonly block: Block; readonly priority: number }[]): Promise<void>;
  /** Blocks that have ended, some at a time. */
  ended(): Promise<Ended[]>;
  /** Blocks by where they are; all zero: nothing is left. */
  counts(): Promise<{ readonly waiting: number; readonly active: number; readonly ended: number }>;
  active(): Promise<{ readonly worker: string; readonly what: string }[]>;
  presences(): Promise<Presence[]>;
  /** How models run, by id. */
  runtimes(): Promise<ReadonlyMap<string, ReturnType<typeof readRuntime>>>;
  agree(model: string, runtime: object): Promise<void>;
  /** Removes the run and all that belongs to it. */
  retire(cancelled: boolean): Promise<void>;
  close(): Promise<void>;
}

/** Blocks looked at in one go. */
const AT_ONCE = 10;

const DAY_SECONDS = 24 * 3600;

export async function openRunQueue(run: string, redis: Redis, place: RedisPlace): Promise<RunQueue> {
  const { Queue: BullQueue } = await import('bullmq');
  const queue: Queue = new BullQueue(queueName(run), {
    connection: { ...place.options, maxRetriesPerRequest: null },
    prefix: QUEUE_PREFIX,
    skipMetasUpdate: false,
    streams: { events: { maxLen: 100 } },
  });
  // The connection of its own says nothing new: ours warns.
  queue.on('error', () => {});
  const key = (what: string) => keyFor(run, what);
  return {
    async publish(notice, anew) {
      await redis.set(key('notice'), JSON.stringify(notice));
      await redis.zadd(RUNS, 'NX', Date.now(), run);
      if (anew) await redis.del(key('cancelled'));
    },
    cancelled: async () => (await redis.exists(key('cancelled'))) > 0,
    async add(blocks) {
      await queue.addBulk(
        blocks.map(({ block, priority }) => ({
          name: `${block.model} ${block.weights}`,
          data: block,
          opts: { jobId: randomUUID(), priority, attempts: 1 },
        })),
      );
    },
    async ended() {
      const jobs = (await queue.getJobs(['completed', 'failed'], 0, AT_ONCE - 1, true)) as (QueueJob | undefined)[];
      return jobs.flatMap(job => (job ? [endedOf(job)] : []));
    },
    async counts() {
      const c = await queue.getJobCounts('wait', 'prioritized', 'delayed', 'active', 'completed', 'failed');
      const of = (...names: string[]) => names.reduce((n, name) => n + (c[name] ?? 0), 0);
      return {
        waiting: of('wait', 'prioritized', 'delayed'),
        active: of('active'),
        ended: of('completed', 'failed'),
      };
    },
    async active() {
      const jobs = (await queue.getActive(0, 63)) as (QueueJob | undefined)[];
      return jobs.flatMap(job =>
        job
          ? [{ worker: job.processedBy ?? '?', what: typeof job.progress === 'string' ? job.progress : job.name }]
          : [],
      );
    },
    async presences() {
      const found = Object.values(await redis.hgetall(key('workers')));
      return found.flatMap(text => {
        try {
          return [readPresence(parseJson(text, "a worker's entry"))];
        } catch {
          return [];
        }
      });
    },
    async runtimes() {
      const found = Object.entries(await redis.hgetall(key('runtimes')));
      return new Map(found.map(([model, text]) => [model, readRuntime(parseJson(text, 'how a model runs'))]));
    },
    async agree(model, runtime) {
      await redis.hsetnx(key('runtimes'), model, JSON.stringify(runtime));
    },
    async retire(cancelled) {
      if (cancelled) await redis.set(key('cancelled'), '1', 'EX', DAY_SECONDS);
      await redis.zrem(RUNS, run);
      const whole = ['notice', 'workers', 'runtimes', 'hands', 'deaths'].map(key);
      await redis.del(...whole);
      await removeArrays(redis, key('array:*'));
      // A worker may be at its last block for a moment.
      for (let i = 0; i < 5; i++) {
        const gone = await queue.obliterate({ force: true }).then(
          () => true,
          () => false,
        );
        if (gone) break;
        await setTimeout(200);
      }
    },
    async close() {
      await Promise.race([queue.close().catch(() => {}), setTimeout(2000)]);
    },
  };
}

function endedOf(job: QueueJob): Ended {
  return {
    id: job.id ?? '',
    data: job.data,
    returned: job.returnvalue,
    failed: job.failedReason ? String(job.failedReason) : undefined,
    async remove() {
      await job.remove();
    },
  };
}

async function removeArrays(redis: Redis, pattern: string): Promise<void> {
  for (let cursor = '0'; ; ) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
    if (keys.length > 0) await redis.del(...keys);
    cursor = next;
    if (cursor === '0') return;
  }
}
