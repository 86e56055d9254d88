import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { cli, cliWorld, MAIN, SUITE } from '../../cli/fixture.ts';
import { temporaryFolder } from '../../results/fixture.ts';
import { NO_REDIS, type RedisServer, redisServer } from '../../support/redis-server.ts';
import { rowsOf } from '../world.ts';
import { contentsOf } from './queue-world.ts';

vi.setConfig({ testTimeout: 150_000 });

const children = new Set<ChildProcess>();
let redis: RedisServer | undefined;

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await redis?.kill();
});

interface Started {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly code: Promise<number | null>;
}

function start(...args: string[]): Started {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
  }
  return { child, text: () => text, code: once(child, 'close').then(([code]) => code as number | null) };
}

describe.skipIf(NO_REDIS)(`nothing is lost and nothing doubled${NO_REDIS ? ` (${NO_REDIS})` : ''}`, () => {
  test('workers killed or hung, Redis killed, the coordinator killed: the tables are those of a quiet run', async () => {
    const dir = await temporaryFolder();
    const suite = await cliWorld(dir, { images: 6 });
    const alone = join(dir, 'alone');
    expect((await cli('run', suite, '--out', alone)).code).toBe(0);
    const server = await redisServer(dir);
    redis = server;
    const out = join(dir, 'stormy');
    const worker = () => start('worker', server.address, '--patience', '2');
    const coordinator = () => start('run', suite, '--queue', server.address, '--out', out);
    let [following, ...workers] = [coordinator(), worker(), worker(), worker()];

    const seed = process.env.CT_XAI_KILL_SEED ?? String(Date.now());
    const rng = createRng(seed);
    const rows = async () =>
      (await readFile(join(out, 'results.jsonl'), 'utf8').catch(() => '')).split('\n').length - 1;
    const reach = async (count: number) => {
      for (let i = 0; i < 600 && (await rows()) < count && following.child.exitCode === null; i++) await setTimeout(50);
    };
    const one = () => workers[rng.int(workers.length)]!;
    const storm: (() => Promise<void>)[] = [
      async () => void one().child.kill('SIGKILL'),
      // Hung: alive, and silent.
      async () => void one().child.kill('SIGSTOP'),
      async () => {
        await server.kill();
        await setTimeout(500);
        await server.start();
      },
      async () => {
        following.child.kill('SIGKILL');
        await following.code;
        following = coordinator();
      },
      async () => void one().child.kill('SIGKILL'),
    ];
    let at = 1;
    for (const strike of storm) {
      await reach(at);
      await strike();
      workers.push(worker());
      at = (await rows()) + 10;
    }
    expect(await following.code, `${following.text()}\nCT_XAI_KILL_SEED=${seed}`).toBe(0);
    expect(await contentsOf(out), `CT_XAI_KILL_SEED=${seed}`).toEqual(await contentsOf(alone));
    const kept = await rowsOf(out);
    expect(new Set(kept.map(row => ('job' in row ? row.job : undefined))).size).toBe(kept.length);
  });

  test('a job that kills three workers becomes a failed row with its story, and the rest is done', async () => {
    const dir = await temporaryFolder();
    // Ends the process when it is asked for one image; the others are explained.
    await writeFile(
      join(dir, 'deadly.mjs'),
      `import { defineExplainer, definePlugin, tensor } from ${JSON.stringify(join(MAIN, '../../index.js'))};
       let asked = 0;
       export default definePlugin({ name: 'deadly', explainers: [defineExplainer({
         name: 'deadly', title: 'Deadly', cite: 'none', kind: 'ranking', cost: () => ({ forward: 0, backward: 0 }),
         explain({ image }) {
           if (image.data[0] < Number(process.env.CT_XAI_DEADLY)) process.kill(process.pid, 'SIGKILL');
           return { map: tensor(image.shape.slice(0, -1), Float32Array.from(image.data.slice(0, 64 * 64), (v, i) => v + i)) };
         },
       })] });`,
    );
    const suite = await cliWorld(dir, {
      images: 2,
      suite: {
        plugins: ['./deadly.mjs'],
        explainers: ['deadly', 'grad-cam'],
        controls: ['random'],
        metrics: SUITE.metrics,
      },
    });
    const server = await redisServer(dir);
    redis = server;
    const out = join(dir, 'out');
    const following = start('run', suite, '--queue', server.address, '--out', out);
    const without = start('worker', server.address, '--name', 'without', '--patience', '1');
    await expect
      .poll(following.text, { timeout: 60_000 })
      .toContain("the plug-in 'deadly' (./deadly.mjs), which is not allowed");
    without.child.kill('SIGKILL');
    // A scheduler that starts a worker again whenever one dies.
    process.env.CT_XAI_DEADLY = await smallestFirstPixel(dir);
    let deaths = 0;
    const keepAlive = (async () => {
      while (following.child.exitCode === null) {
        const worker = start('worker', server.address, '--patience', '1', '--allow-plugin', join(dir, 'deadly.mjs'));
        const ended = await Promise.race([worker.code.then(() => true), following.code.then(() => false)]);
        worker.child.kill('SIGKILL');
        if (ended) deaths++;
      }
    })();
    expect(await following.code, following.text()).toBe(1);
    await keepAlive;
    expect(deaths).toBe(3);
    const failed = (await rowsOf(out)).filter(row => row.status === 'failed');
    expect(failed.map(row => [row.kind, 'method' in row ? row.method : ''])).toEqual([
      ['map', 'deadly'],
      ['score', 'deadly'],
      ['score', 'deadly'],
    ]);
    expect(failed[0]!.reason).toMatch(/^3 workers died or fell silent while they had this job in hand/);
    expect((await rowsOf(out)).filter(row => row.status === 'ok')).toHaveLength(4 + 12 + 24 - 3);
  });
});

/** A number between the two smallest first pixels that the model sees: only one image is below it. */
async function smallestFirstPixel(dir: string): Promise<string> {
  const { default: sharp } = await import('sharp');
  const firsts: number[] = [];
  for (const label of ['no', 'yes']) {
    for (let i = 0; i < 2; i++) {
      const { data } = await sharp(join(dir, 'images', label, `slice ${i} 50%.png`))
        .greyscale()
        .raw()
        .toBuffer({ resolveWithObject: true });
      firsts.push(data[0]! / 255);
    }
  }
  firsts.sort((a, b) => a - b);
  return String((firsts[0]! + firsts[1]!) / 2);
}
