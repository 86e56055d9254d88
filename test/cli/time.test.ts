import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import type { TimingsFile } from '../../src/results/timings-file.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld } from './fixture.ts';

test('time: methods of a model on devices side by side, as table, CSV, page and baseline', async () => {
  const dir = await temporaryFolder();
  await cliWorld(dir, { images: 1 });
  const out = join(dir, 'times');
  const model = join(dir, 'model.onnx');
  const asked = ['--methods', 'grad-cam', 'occlusion', '--samples', '1', '--repeats', '5', '--seconds', '9'];
  const images = ['--data', join(dir, 'images')];
  const first = await cli('time', model, ...asked, ...images, '--devices', 'cpu', 'onnx/cpu', '--out', out);
  expect(first.stderr).not.toContain('internal error');
  expect(first.code).toBe(0);
  expect(first.stdout).toContain('grad-cam');
  const rows = parse(await readFile(join(out, 'timings.csv')), { columns: true }) as Record<string, string>[];
  expect(rows.map(r => [r['method'], r['asked'], r['samples'], r['status']])).toEqual([
    ['grad-cam', 'cpu', '5', 'ok'],
    ['grad-cam', 'onnx/cpu', '5', 'ok'],
    ['occlusion', 'cpu', '5', 'ok'],
    ['occlusion', 'onnx/cpu', '5', 'ok'],
  ]);
  expect(await readFile(join(out, 'index.html'), 'utf8')).toContain('milliseconds for one explanation');

  const baseline = join(out, 'timings.json');
  const file = JSON.parse(await readFile(baseline, 'utf8')) as TimingsFile;
  const scaled = (factor: number): TimingsFile => ({
    ...file,
    rows: file.rows.map(row => ({ ...row, calls: row.calls!.map(([image, ms]) => [image, ms * factor] as const) })),
  });
  const compareWith = async (written: unknown) => {
    await writeFile(baseline, JSON.stringify(written));
    return cli('time', model, ...asked, ...images, '--devices', 'cpu', '--compare', baseline);
  };
  // A thousandth of the time then: slower now, however busy the machine is.
  const slower = await compareWith(scaled(1e-3));
  expect(slower.code).toBe(1);
  expect(slower.stdout).toContain('slower');
  const faster = await compareWith(scaled(1e3));
  expect(faster.code).toBe(0);
  expect(faster.stdout).toContain('faster');
  const other = await compareWith({ ...file, hardware: { ...file.hardware, cpu: 'another' } });
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('another machine');
  expect((await compareWith({ rows: [] })).stderr).toContain('holds no timings');
});

test('time: a model of grey images on the phantom, and what is not there', async () => {
  const dir = await temporaryFolder();
  await cliWorld(dir, { images: 1 });
  const few = ['--methods', 'grad-cam', '--samples', '1', '--repeats', '1'];
  const found = await cli('time', dir, ...few);
  expect(found.code).toBe(0);
  expect(found.stdout).toMatch(/tiny, onnx on \w+; ms/);
  expect((await cli('time', join(dir, 'none.onnx'), ...few)).code).toBe(2);
  expect((await cli('time', dir, '--methods', 'grad-kam')).stderr).toContain("Did you mean 'grad-cam'?");
  const nowhere = await cli('time', dir, ...few, '--devices', 'onnx/nowhere');
  expect(nowhere.code).toBe(1);
  expect(nowhere.stdout).toContain('nowhere');
});
