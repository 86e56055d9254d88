import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { rowsOf, withoutSaved } from '../runners/world.ts';
import { cli, cliWorld, MAIN } from './fixture.ts';

const TABLES = [
  'samples.csv',
  'scores.csv',
  'timings.csv',
  'summary.csv',
  'curves/index.csv',
  'curves/tiny/deletion.air.npy',
  'curves/tiny/insertion.blur.npy',
];

async function tables(dir: string): Promise<Buffer[]> {
  return Promise.all(TABLES.map(file => readFile(join(dir, file))));
}

interface Run {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
}

function start(suite: string, out: string): Run {
  const child = spawn(process.execPath, [MAIN, 'run', suite, '--out', out], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  return { child, ended, stderr: () => stderr };
}

/** Waits until the journal is as long as asked, or the run has ended. */
async function journalReaches(out: string, bytes: number, { child }: Run): Promise<void> {
  const size = () =>
    stat(join(out, 'results.jsonl')).then(
      s => s.size,
      () => -1,
    );
  while (child.exitCode === null && child.signalCode === null && (await size()) < bytes) await setTimeout(2);
}

test('killed again and again at random moments, a run ends in the same tables as one that was left alone', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, { images: 3 });
  const left = join(dir, 'left-alone');
  expect((await cli('run', suite, '--out', left)).code).toBe(0);
  const { size } = await stat(join(left, 'results.jsonl'));

  const seed = process.env.CT_XAI_KILL_SEED ?? String(Date.now());
  const rng = createRng(seed);
  const out = join(dir, 'killed');
  // The first one while it starts, before there is a journal.
  const moments = [-1, ...Array.from({ length: 5 }, () => rng.int(size))].sort((a, b) => a - b);
  for (const moment of moments) {
    const run = start(suite, out);
    await journalReaches(out, moment, run);
    run.child.kill('SIGKILL');
    const { code, signal } = await run.ended;
    expect([code, signal], run.stderr()).toEqual([null, 'SIGKILL']);
  }
  const last = start(suite, out);
  expect((await last.ended).code, last.stderr()).toBe(0);
  expect((await rowsOf(out)).map(withoutSaved), `CT_XAI_KILL_SEED=${seed}`).toEqual(
    (await rowsOf(left)).map(withoutSaved),
  );
  expect(await tables(out)).toEqual(await tables(left));
});

test('Ctrl-C ends a run with 130, and it goes on; meanwhile nobody else may use its folder', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir);
  const out = join(dir, 'out');
  const first = start(suite, out);
  await journalReaches(out, 2000, first);
  const second = await cli('run', suite, '--out', out);
  expect(second).toMatchObject({ code: 2, stderr: expect.stringContaining(`is in use by process ${first.child.pid}`) });
  first.child.kill('SIGINT');
  expect((await first.ended).code, first.stderr()).toBe(130);
  expect(first.stderr()).toContain('the same command goes on where it stopped');
  const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')) as { state: string };
  expect(manifest.state).toBe('interrupted');
  expect((await cli('report', out)).code).toBe(0);

  const resumed = await cli('run', suite, '--out', out);
  expect(resumed.stderr).toMatch(/resuming: \d+ rows are there/);
  expect(resumed.code).toBe(0);
  const whole = join(dir, 'whole');
  await cli('run', suite, '--out', whole);
  expect(await tables(out)).toEqual(await tables(whole));
});
