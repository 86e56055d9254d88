import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../../../src/runners/events.ts';
import { blockSize } from '../../../src/runners/queue/blocks.ts';
import { readBlock, readDone, readNotice } from '../../../src/runners/queue/messages.ts';
import { connect, disconnect, QUEUE_PREFIX, queueName, redisPlace } from '../../../src/runners/queue/redis.ts';
import { MAIN } from '../../cli/fixture.ts';
import { temporaryFolder } from '../../data/images.ts';
import { NO_REDIS, type RedisServer, redisServer } from '../../support/redis-server.ts';
import { analyticEngine, registryWith, run, world } from '../world.ts';
import { contentsOf, QUEUE_SUITE, runQueued, startWorkers } from './queue-world.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('an address of Redis', () => {
  test('is read with user, password, port and database, and shown without the password', () => {
    const place = redisPlace('rediss://me:p%40ss@example.org:7000/3', {});
    expect(place.options).toEqual({
      host: 'example.org',
      port: 7000,
      username: 'me',
      password: 'p@ss',
      db: 3,
      tls: { servername: 'example.org' },
    });
    expect(place.shown).toBe('rediss://example.org:7000/3');
    expect(redisPlace('redis://localhost', { CT_XAI_REDIS_PASSWORD: 'secret' }).options.password).toBe('secret');
  });

  test('without TLS on another machine is said to be open', () => {
    expect(redisPlace('redis://10.0.0.5', {}).open).toBe(true);
    for (const own of ['redis://127.0.0.1', 'redis://localhost:1', 'redis://[::1]', 'rediss://10.0.0.5']) {
      expect(redisPlace(own, {}).open).toBe(false);
    }
  });

  test.each(['http://host', 'host:6379', 'redis://', 'redis://host/name'])('%s is refused', address => {
    expect(() => redisPlace(address, {})).toThrow(/Redis/);
  });
});

describe('what comes from Redis', () => {
  const block = {
    format: 1,
    model: 'net',
    weights: 'original',
    images: [{ sample: 'a', index: 0, keys: ['0'.repeat(32)], donors: {}, held: [] }],
  };

  test('is refused, and nothing else happens, whatever it is', () => {
    expect(readBlock(block)).toEqual(block);
    fc.assert(
      fc.property(fc.anything(), value => {
        for (const read of [readBlock, readDone, readNotice])
          expect(() => read(value)).toThrow(/in Redis is not valid/);
      }),
    );
  });

  test.each([
    ['another format', { ...block, format: 2 }],
    ['a field that nobody knows', { ...block, run: 'rm' }],
    ['a key that is a path', { ...block, images: [{ ...block.images[0], keys: ['../../etc/passwd'] }] }],
    ['no images', { ...block, images: [] }],
  ])('a block with %s is refused', (_, value) => {
    expect(() => readBlock(value)).toThrow('a block of jobs in Redis is not valid');
  });
});

test('blocks hold an image at least, few at the end, and never more than a dead worker may lose', () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(100), (left, workers) => {
      const size = blockSize(left, workers);
      expect(size).toBeGreaterThanOrEqual(1);
      expect(size).toBeLessThanOrEqual(16);
      expect(size).toBeGreaterThanOrEqual(blockSize(left, workers + 1));
    }),
  );
  expect([blockSize(1000, 2), blockSize(7, 2), blockSize(1, 2)]).toEqual([16, 2, 1]);
});

describe.skipIf(NO_REDIS)(`Redis with a lock${NO_REDIS ? ` (${NO_REDIS})` : ''}`, () => {
  const registry = registryWith(analyticEngine());
  const dir = temporaryFolder();
  let redis: RedisServer | undefined;
  const folder = (name: string) => {
    mkdirSync(join(dir, name));
    return join(dir, name);
  };

  beforeAll(async () => {
    await world(dir, 2);
    await run(dir, registry, { suite: QUEUE_SUITE, out: 'alone' });
  });
  afterEach(async () => {
    await redis?.kill();
    vi.unstubAllEnvs();
  });

  test('with a password: who has none is told where to give it', async () => {
    const server = await redisServer(folder('password'), ['--requirepass', 'secret']);
    redis = server;
    await expect(connect(redisPlace(server.address, {}), () => {})).rejects.toMatchObject({
      code: 'QUEUE',
      hint: expect.stringContaining('CT_XAI_REDIS_PASSWORD'),
    });
    vi.stubEnv('CT_XAI_REDIS_PASSWORD', 'secret');
    const workers = startWorkers(registry, server.address);
    const result = await runQueued(dir, registry, server.address, { out: 'by-password' });
    await workers.stop();
    expect(result.state).toBe('complete');
    expect(await contentsOf(join(dir, 'by-password'))).toEqual(await contentsOf(join(dir, 'alone')));
  });

  const noTls = spawnSync('openssl', ['version']).status === 0 ? undefined : 'openssl is not installed';
  test.skipIf(noTls)(
    `with TLS${noTls ? ` (${noTls})` : ''}: by the authority that is named, and by no other; no worker listens`,
    async () => {
      const keys = folder('tls');
      const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: keys, stdio: 'ignore' });
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
      openssl(
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        'key.pem',
        '-out',
        'cert.pem',
        ...subject,
      );
      const cert = join(keys, 'cert.pem');
      const tls = ['--tls-port', 'PORT', '--port', '0', '--tls-auth-clients', 'no'];
      const server = await redisServer(keys, [
        ...tls,
        '--tls-cert-file',
        cert,
        '--tls-key-file',
        join(keys, 'key.pem'),
        '--tls-ca-cert-file',
        cert,
      ]);
      redis = server;
      const address = server.address.replace('redis:', 'rediss:').replace('127.0.0.1', 'localhost');
      await expect(connect(redisPlace(address, {}), () => {})).rejects.toMatchObject({
        hint: expect.stringContaining('CT_XAI_REDIS_CA'),
      });
      vi.stubEnv('CT_XAI_REDIS_CA', cert);
      const workers = startWorkers(registry, address);
      const result = await runQueued(dir, registry, address, { out: 'by-tls' });
      await workers.stop();
      expect(result.state).toBe('complete');
      expect(await contentsOf(join(dir, 'by-tls'))).toEqual(await contentsOf(join(dir, 'alone')));

      const child = spawn(process.execPath, [MAIN, 'worker', address], { stdio: ['ignore', 'ignore', 'pipe'] });
      try {
        await once(child.stderr, 'data');
        if (process.platform === 'linux') expect(listening(child.pid!)).toEqual([]);
      } finally {
        child.kill('SIGKILL');
      }
    },
  );

  test('a block that somebody else put into the queue is left out, and the run is what it would have been', async () => {
    const server = await redisServer(folder('foreign-redis'));
    redis = server;
    const events: RunEvent[] = [];
    const following = runQueued(dir, registry, server.address, { out: 'foreign', events });
    await expect.poll(() => events.some(e => e.kind === 'queue' && e.waiting > 0), { timeout: 20_000 }).toBe(true);
    const client = await connect(redisPlace(server.address, {}), () => {});
    const [id] = await client.zrange('ct-xai:runs', '0', '-1');
    await disconnect(client);
    const { Queue } = await import('bullmq');
    const queue = new Queue(queueName(id!), { connection: { port: server.port }, prefix: QUEUE_PREFIX });
    const image = { sample: 'pos/0 50%.png', index: 0, donors: {}, held: [] };
    const strange = { format: 1, model: 'net', weights: 'original', images: [{ ...image, keys: ['f'.repeat(32)] }] };
    await queue.addBulk([
      { name: 'no block', data: { command: 'rm -rf /' } },
      { name: 'no job of this plan', data: strange },
    ]);
    const workers = startWorkers(registry, server.address);
    const result = await following;
    await workers.stop();
    await queue.close();
    expect(result.state).toBe('complete');
    expect(await contentsOf(join(dir, 'foreign'))).toEqual(await contentsOf(join(dir, 'alone')));
    const warnings = events.flatMap(event => (event.kind === 'warning' ? event.message : []));
    expect(warnings.join('\n')).toContain('a block of jobs in Redis is not valid');
  });
});

/** Sockets of a process that listen, by their line in /proc/net/tcp. */
function listening(pid: number): string[] {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      return /socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
  const lines = ['tcp', 'tcp6'].flatMap(name => readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n').slice(1));
  return lines.filter(line => {
    const fields = line.trim().split(/\s+/);
    return fields[3] === '0A' && inodes.includes(fields[9] ?? '');
  });
}
