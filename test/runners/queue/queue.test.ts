import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import type { RunEvent } from '../../../src/runners/events.ts';
import { cancel } from '../../../src/runners/queue/cancel.ts';
import { temporaryFolder } from '../../data/images.ts';
import { NO_REDIS, type RedisServer, redisServer } from '../../support/redis-server.ts';
import { analyticEngine, MODEL, registryWith, rowsOf, run, withoutSaved, world } from '../world.ts';
import { contentsOf, QUEUE_SUITE, runQueued, startWorkers } from './queue-world.ts';

vi.setConfig({ testTimeout: 60_000 });

const registry = registryWith(analyticEngine());
const dir = temporaryFolder();
let redis: RedisServer;

describe.skipIf(NO_REDIS)(`by a queue${NO_REDIS ? ` (${NO_REDIS})` : ''}`, () => {
  beforeAll(async () => {
    await world(dir, 4);
    await mkdir(join(dir, 'redis'));
    redis = await redisServer(join(dir, 'redis'));
    await run(dir, registry, { suite: QUEUE_SUITE, out: 'alone' });
  });
  afterAll(() => redis.kill());

  test.each([
    ['through Redis', undefined],
    ['through a shared folder', join(dir, 'shared')],
  ])('a suite ends in the same tables, maps and curves as in one process; arrays %s', async (_, files) => {
    const workers = startWorkers(registry, redis.address, files ? { files } : {});
    const events: RunEvent[] = [];
    const out = files ? 'queued-files' : 'queued';
    const result = await runQueued(dir, registry, redis.address, { events, out, ...(files ? { files } : {}) });
    await workers.stop();
    expect(result.state).toBe('complete');
    const [here, there] = [await rowsOf(join(dir, 'alone')), await rowsOf(join(dir, out))];
    expect(there.map(withoutSaved)).toEqual(here.map(withoutSaved));
    expect(await contentsOf(join(dir, out))).toEqual(await contentsOf(join(dir, 'alone')));
    // On a busy machine the second may come when all is done.
    const joined = events.filter(event => event.kind === 'worker' && event.state === 'joined');
    expect([1, 2]).toContain(joined.length);
    expect(result.manifest.models[0]!.runtime?.engine).toBeDefined();
  });

  test('an interrupted run leaves its blocks to the workers, and the same run keeps what they did', async () => {
    const stop = new AbortController();
    const first = runQueued(dir, registry, redis.address, {
      out: 'interrupted',
      signal: stop.signal,
      onEvent: () => {},
      events: [],
    });
    setTimeout(() => stop.abort(), 1500);
    expect((await first).state).toBe('interrupted');
    const workers = startWorkers(registry, redis.address);
    const again = await runQueued(dir, registry, redis.address, { out: 'interrupted' });
    await workers.stop();
    expect(again.state).toBe('complete');
    expect(await contentsOf(join(dir, 'interrupted'))).toEqual(await contentsOf(join(dir, 'alone')));
  });

  test('cancelling empties the queue, and ends whoever follows it', async () => {
    const events: RunEvent[] = [];
    const following = runQueued(dir, registry, redis.address, { out: 'cancelled', events });
    const waits = () => events.some(event => event.kind === 'queue' && event.waiting > 0);
    await expect.poll(waits, { timeout: 20_000 }).toBe(true);
    expect(await cancel(join(dir, 'cancelled'), redis.address)).toMatch(/[1-9]\d* blocks waited/);
    expect((await following).state).toBe('interrupted');
    await expect(cancel(join(dir, 'alone'), redis.address)).rejects.toThrow('holds no run that went through a queue');
  });

  test.each<[string, (other: string) => Promise<WorkerPlaces>, string]>([
    [
      'data',
      async other => {
        const index = join(other, 'data', 'index.csv');
        await writeFile(index, (await readFile(index, 'utf8')).split('\n').slice(0, 4).join('\n'));
        return { data: join(other, 'data') };
      },
      "the data 'data' has the digest",
    ],
    [
      'weights',
      async other => {
        await writeFile(join(other, 'model.yaml'), stringify({ ...MODEL, classes: ['yes', 'no'] }));
        return { models: other };
      },
      'there is no model with the digest',
    ],
  ])('a worker with other %s is refused, and the coordinator told why', async (what, change, reason) => {
    const other = join(dir, 'others', what);
    await mkdir(other, { recursive: true });
    await world(other, 4);
    const workers = startWorkers(registry, redis.address, { count: 1, ...(await change(other)) });
    const events: RunEvent[] = [];
    const stop = new AbortController();
    const out = `refused-${what}`;
    const following = runQueued(dir, registry, redis.address, { out, events, signal: stop.signal });
    const told = () => events.flatMap(event => (event.kind === 'worker' ? (event.reason ?? []) : []));
    await expect.poll(told, { timeout: 20_000 }).toEqual([expect.stringContaining(reason)]);
    stop.abort();
    await following;
    await workers.stop();
    await cancel(join(dir, out), redis.address);
  });

  test('a worker finds models by their digest, whatever they are called, in a folder of its own', async () => {
    const other = join(dir, 'others', 'models');
    await mkdir(join(other, 'some', 'where'), { recursive: true });
    await world(other, 1);
    await rename(join(other, 'net.onnx'), join(other, 'some', 'where', 'net.onnx'));
    await writeFile(join(other, 'some', 'where', 'model.yaml'), stringify({ ...MODEL, id: 'another-name' }));
    const workers = startWorkers(registry, redis.address, { count: 1, models: other });
    const result = await runQueued(dir, registry, redis.address, { out: 'by-digest' });
    await workers.stop();
    expect(result.state).toBe('complete');
    expect(await contentsOf(join(dir, 'by-digest'))).toEqual(await contentsOf(join(dir, 'alone')));
  });
});

type WorkerPlaces = { readonly data?: string; readonly models?: string };
