import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { cli, cliWorld, MAIN } from '../../cli/fixture.ts';
import { temporaryFolder } from '../../results/fixture.ts';
import { NO_REDIS, redisServer } from '../../support/redis-server.ts';
import { rowsOf } from '../world.ts';

vi.setConfig({ testTimeout: 240_000 });

/** Explainers that never return, end their process, fill the memory, and do as they should. */
const PLUGIN = `
import { defineExplainer, definePlugin, tensor } from ${JSON.stringify(join(MAIN, '../../index.js'))};
const explainer = (name, act) => defineExplainer({
  name, title: name, cite: 'none', kind: 'ranking', cost: () => ({ forward: 0, backward: 0 }),
  async explain({ image }) { await act(); return { map: tensor(image.shape.slice(0, 2), image.data.slice()) }; },
});
export default definePlugin({ name: 'hostile', explainers: [
  explainer('loop', () => { for (;;); }),
  explainer('exit', () => process.exit(0)),
  explainer('fill', () => { const all = []; for (;;) all.push({ all }); }),
  explainer('late', () => { setTimeout(() => { throw new Error('late boom'); }, 1); return new Promise(r => setTimeout(r, 20)); }),
] });
`;

describe.skipIf(NO_REDIS)(`limits in the workers of a queue${NO_REDIS ? ` (${NO_REDIS})` : ''}`, () => {
  test('a hostile plug-in fails its own rows, the worker lives, and the coordinator ends with exit code 1', async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, 'hostile.mjs'), PLUGIN);
    const suite = await cliWorld(dir, {
      images: 1,
      suite: {
        plugins: ['./hostile.mjs'],
        explainers: ['loop', 'exit', 'fill', 'late', 'occlusion'],
        controls: [],
        metrics: [],
        limits: { seconds: 10, memory: 200 },
      },
    });
    const redis = await redisServer(dir);
    const worker = spawn(
      process.execPath,
      [MAIN, 'worker', redis.address, '--allow-plugin', join(dir, 'hostile.mjs')],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let said = '';
    worker.stderr.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    try {
      const died = once(worker, 'close').then(() => ({ code: -1 }));
      const { code } = await Promise.race([
        cli('run', suite, '--queue', redis.address, '--out', join(dir, 'out')),
        died,
      ]);
      expect(code, said).toBe(1);
      const maps = (await rowsOf(join(dir, 'out'))).filter(row => row.kind === 'map');
      expect(maps).toHaveLength(10);
      const outcomes = new Map(maps.map(row => [row.method, row.reason ?? row.status]));
      expect(outcomes.get('loop')).toBe('it took more than 10 s (limits.seconds)');
      expect(outcomes.get('exit')).toBe('it ended its own process (exit code 0)');
      // Whichever is reached first.
      expect(outcomes.get('fill')).toMatch(/it used more than 200 MiB|it took more than 10 s/);
      expect([outcomes.get('late'), outcomes.get('occlusion')]).toEqual(['ok', 'ok']);
      expect(said).toContain('late boom');
      expect(worker.exitCode).toBeNull();
    } finally {
      const alive = worker.exitCode === null && worker.signalCode === null;
      worker.kill('SIGTERM');
      if (alive) await once(worker, 'close');
      await redis.kill();
    }
  });
});
