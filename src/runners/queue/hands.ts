import type { Redis } from 'ioredis';
import { z } from 'zod';
import { keyFor } from './redis.ts';

/** So often a job may be in the hands of a worker that dies. */
export const MOST_DEATHS = 3;

const handSchema = z.object({ worker: z.string(), keys: z.array(z.string()) });
const deathsSchema = z.array(z.object({ worker: z.string(), at: z.string() }));

/** Deaths of workers, by the key of a job that they had in hand. */
export type Deaths = ReadonlyMap<string, z.output<typeof deathsSchema>>;

/**
 * Which jobs each worker has in hand, kept in Redis: so whoever takes a block that was left by a dead worker knows what
 * that worker was doing.
 */
export interface Hands {
  /** Of a block that another worker had before: notes its death. @returns what is known of deaths over its jobs. */
  takeOver(block: string, keys: readonly string[]): Promise<Deaths>;
  hold(block: string, keys: readonly string[]): Promise<void>;
  release(block: string): Promise<void>;
}

export function createHands(run: string, redis: Redis, worker: string): Hands {
  const hands = keyFor(run, 'hands');
  const graves = keyFor(run, 'deaths');
  return {
    async takeOver(block, keys) {
      const left = await redis.hget(hands, block);
      if (left !== null) {
        const hand = read(handSchema, left);
        for (const key of hand?.keys ?? []) {
          const known = read(deathsSchema, (await redis.hget(graves, key)) ?? '[]') ?? [];
          const death = { worker: hand!.worker, at: new Date().toISOString() };
          await redis.hset(graves, key, JSON.stringify([...known, death]));
        }
        await redis.hdel(hands, block);
      }
      const deaths = new Map<string, z.output<typeof deathsSchema>>();
      // Seldom any: so one question, and not one for each job.
      if ((await redis.hlen(graves)) === 0) return deaths;
      const found = await redis.hmget(graves, ...keys);
      for (const [i, text] of found.entries()) {
        const known = text === null ? undefined : read(deathsSchema, text);
        if (known) deaths.set(keys[i]!, known);
      }
      return deaths;
    },
    async hold(block, keys) {
      await redis.hset(hands, block, JSON.stringify({ worker, keys }));
    },
    async release(block) {
      await redis.hdel(hands, block);
    },
  };
}

function read<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Why a job that workers died of is not tried again. */
export function storyOf(deaths: readonly { readonly worker: string; readonly at: string }[]): string {
  const list = deaths.map(({ worker, at }) => `${worker} (found ${at})`).join(', ');
  return (
    `${deaths.length} workers died or fell silent while they had this job in hand, so it is not tried again: ${list}. ` +
    '--retry-failed tries it again.'
  );
}
