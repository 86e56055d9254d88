import { mkdirSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import type { RunEvent } from '../../../src/runners/events.ts';
import { type Bucket, openBucket } from '../../../src/runners/queue/bucket.ts';
import { cancel } from '../../../src/runners/queue/cancel.ts';
import { mirrored } from '../../../src/runners/queue/mirror.ts';
import { temporaryFolder } from '../../data/images.ts';
import { NO_REDIS, type RedisServer, redisServer } from '../../support/redis-server.ts';
import { NO_S3, type S3Server, s3Server } from '../../support/s3-server.ts';
import { analyticEngine, MODEL, registryWith, run, world } from '../world.ts';
import { contentsOf, QUEUE_SUITE, runQueued, startWorkers } from './queue-world.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

test.each(['s3://', 's3://UPPER', 's3://a', 'S3://bucket', '/folder'])('%s names no bucket', async address => {
  await expect(openBucket(address)).rejects.toMatchObject({ code: 'QUEUE', hint: expect.stringContaining('s3://') });
});

describe.skipIf(NO_S3)(`S3-compatible storage${NO_S3 ? ` (${NO_S3})` : ''}`, () => {
  const dir = temporaryFolder();
  let server: S3Server;
  beforeAll(async () => {
    server = await s3Server();
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  });
  afterAll(() => {
    server.kill();
    vi.unstubAllEnvs();
  });

  const names = async (bucket: Bucket, start = '') => {
    const found: string[] = [];
    for await (const { name } of bucket.list(start)) found.push(name);
    return found.sort();
  };

  test('keeps bytes under names, below a prefix', async () => {
    const bucket = await openBucket(`${server.bucket}/some/where`);
    expect(await bucket.read('a/b')).toBeUndefined();
    await bucket.write('a/b', Uint8Array.of(1, 2, 3));
    await bucket.write('a/b', Uint8Array.of(4));
    await bucket.write('c', new Uint8Array(0));
    expect([...(await bucket.read('a/b'))!]).toEqual([4]);
    expect(await names(bucket)).toEqual(['a/b', 'c']);
    expect(await names(bucket, 'a/')).toEqual(['a/b']);
    await bucket.remove('a/b');
    await bucket.remove('a/b');
    expect(await names(bucket)).toEqual(['c']);
  });

  test('a bucket that there is not is refused, with what to look at', async () => {
    const bucket = await openBucket('s3://nobodys');
    await expect(bucket.write('a', Uint8Array.of(1))).rejects.toMatchObject({
      code: 'QUEUE',
      message: expect.stringContaining('s3://nobodys: writing a failed'),
      hint: expect.stringContaining('AWS_ENDPOINT_URL_S3'),
    });
  });

  test('a folder is copied once, and again where it has changed', async () => {
    const address = `${server.bucket}/models`;
    const cache = join(dir, 'cache');
    await expect(mirrored(address, cache)).rejects.toThrow('there is nothing');
    const bucket = await openBucket(address);
    await bucket.write('one/model.yaml', Buffer.from('first'));
    await bucket.write('two.txt', Buffer.from('second'));
    const folder = await mirrored(address, cache);
    expect(await readFile(join(folder, 'one', 'model.yaml'), 'utf8')).toBe('first');
    await bucket.write('one/model.yaml', Buffer.from('other'));
    await bucket.remove('two.txt');
    expect(await mirrored(address, cache)).toBe(folder);
    expect(await readFile(join(folder, 'one', 'model.yaml'), 'utf8')).toBe('other');
    expect(await readdir(folder)).toEqual(['one']);
    await bucket.write('../out', Buffer.from('evil'));
    await expect(mirrored(address, cache)).rejects.toThrow(/leads out of the folder/);
  });

  describe.skipIf(NO_REDIS)(`and a queue${NO_REDIS ? ` (${NO_REDIS})` : ''}`, () => {
    const registry = registryWith(analyticEngine());
    let redis: RedisServer;
    beforeAll(async () => {
      await world(dir, 4);
      mkdirSync(join(dir, 'redis'));
      redis = await redisServer(join(dir, 'redis'));
      await run(dir, registry, { suite: QUEUE_SUITE, out: 'alone' });
    });
    afterAll(() => redis.kill());

    test('a suite whose models, images and maps go through a bucket ends in the same tables, and leaves nothing there', async () => {
      const models = await openBucket(`${server.bucket}/own-models`);
      await models.write('any/model.yaml', Buffer.from(stringify(MODEL)));
      await models.write('any/net.onnx', await readFile(join(dir, 'net.onnx')));
      const data = await openBucket(`${server.bucket}/own-data`);
      for (const entry of await readdir(join(dir, 'data'), { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        await data.write(path.slice(join(dir, 'data').length + 1), await readFile(path));
      }
      const files = `${server.bucket}/arrays`;
      const cache = join(dir, 'worker');
      const own = { models: await mirrored(models.address, cache), data: await mirrored(data.address, cache) };
      const workers = startWorkers(registry, redis.address, { files, ...own });
      const result = await runQueued(dir, registry, redis.address, { out: 'by-bucket', files });
      await workers.stop();
      expect(result.state).toBe('complete');
      expect(await contentsOf(join(dir, 'by-bucket'))).toEqual(await contentsOf(join(dir, 'alone')));
      expect(await names(await openBucket(files))).toEqual([]);
      expect(result.manifest.queue).toMatchObject({ ended: true });
    });

    test('a worker that keeps files elsewhere is refused, and the run finished without the queue says what is left', async () => {
      await writeFile(join(dir, 'nothing'), '');
      const workers = startWorkers(registry, redis.address, { count: 1, files: `${server.bucket}/elsewhere` });
      const events: RunEvent[] = [];
      const stop = new AbortController();
      const files = `${server.bucket}/arrays`;
      const at = { out: 'elsewhere', events, files, signal: stop.signal };
      const following = runQueued(dir, registry, redis.address, at);
      const told = () => events.flatMap(event => (event.kind === 'worker' ? (event.reason ?? []) : []));
      await expect.poll(told, { timeout: 60_000 }).toEqual([expect.stringContaining('does not keep its arrays in')]);
      stop.abort();
      await following;
      await workers.stop();
      expect((await names(await openBucket(files))).length).toBeGreaterThan(0);
      const again: RunEvent[] = [];
      const without = (event: RunEvent) => void again.push(event);
      const { state } = await run(dir, registry, { suite: QUEUE_SUITE, out: 'elsewhere', onEvent: without });
      expect(state).toBe('complete');
      const warnings = again.flatMap(event => (event.kind === 'warning' ? event.message : []));
      expect(warnings.join()).toContain('--cancel');
      await cancel(join(dir, 'elsewhere'), redis.address, files);
      expect(await names(await openBucket(files))).toEqual([]);
    });
  });
});
