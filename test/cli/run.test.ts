import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { readNpy } from '../../src/core/npy.ts';
import type { Manifest } from '../../src/results/rows.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld } from './fixture.ts';

async function csv(path: string): Promise<Record<string, string>[]> {
  return parse(await readFile(path, 'utf8'), { columns: true }) as Record<string, string>[];
}

test('run writes the whole run folder, prints the table and the report, and is quick the second time', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, { suite: { timing: { samples: 1, repeats: 2 }, output: { curvesCsv: true } } });
  const out = join(dir, 'out');
  const { code, stdout, stderr } = await cli('run', suite, '--out', out);
  expect(stderr).toMatch(/4 images → .*out\n/);
  expect(stderr).toMatch(/tiny: onnx [\d.]+ on cpu, 1 × 1 threads, micro-batch 4/);
  expect(stdout).toMatch(/deletion ↓ +insertion ↑/);
  expect(stdout).toMatch(/lime +0\.\d{3} +0\.\d{3}/);
  expect(stdout).toContain(`report: `);
  expect(code).toBe(0);

  const files = [
    'manifest.json',
    'results.jsonl',
    'samples.csv',
    'scores.csv',
    'summary.csv',
    'summary.md',
    'index.html',
  ];
  for (const file of [...files, 'curves.csv', 'curves/index.csv', 'curves/tiny/deletion.air.npy']) {
    expect(existsSync(join(out, file)), file).toBe(true);
  }
  expect(existsSync(join(out, 'run.lock'))).toBe(false);
  const timings = await csv(join(out, 'timings.csv'));
  const methods = ['grad-cam', 'integrated-gradients', 'lime', 'occlusion', 'random'];
  expect(timings.map(t => [t.method, t.samples, t.wall_ms_p95, t.device_time_source, t.transfer_ms_p50])).toEqual(
    methods.map(m => [m, '2', '', 'process CPU time', '']),
  );
  for (const row of timings) {
    expect(Number(row.wall_ms_p50)).toBeGreaterThan(0);
    expect(Number(row.first_ms)).toBeGreaterThan(0);
    expect(Number(row.device_ms_p50)).toBeGreaterThan(0);
    expect(Number(row.open_ms)).toBeGreaterThan(0);
  }
  expect(timings.find(t => t.method === 'lime')).toMatchObject({ forwards: '20', backwards: '0' });
  const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')) as Manifest;
  expect(manifest).toMatchObject({ state: 'complete', counts: { sample: { ok: 4 }, timing: { ok: 5 } } });
  expect(manifest.command).toMatch(/^ct-xai/);

  const before = await readFile(join(out, 'results.jsonl'));
  const again = await cli('run', suite, '--out', out);
  expect(again).toMatchObject({ code: 0, stdout });
  expect((await readFile(join(out, 'results.jsonl'))).equals(before)).toBe(true);
});

test('the report can be written again without model, images or suite', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir);
  const out = join(dir, 'out');
  await cli('run', suite, '--out', out);
  const { rename, rm } = await import('node:fs/promises');
  const moved = join(await temporaryFolder(), 'moved');
  await rename(out, moved);
  await rm(dir, { recursive: true });
  const files = ['index.html', 'summary.csv', 'summary.md', 'scores.csv', 'samples.csv'];
  const before = await Promise.all(files.map(f => readFile(join(moved, f), 'utf8')));
  for (const file of files) await rm(join(moved, file));
  const { code, stdout } = await cli('report', moved);
  expect(code).toBe(0);
  expect(stdout.split('\n').some(line => line === join(moved, 'index.html'))).toBe(true);
  expect(await Promise.all(files.map(f => readFile(join(moved, f), 'utf8')))).toEqual(before);
});

test('failed rows give exit code 1 and their reasons', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, {
    suite: { explainers: [{ use: 'grad-cam', options: { layer: '/Relu_outptu_0' } }] },
  });
  const { code, stderr, stdout } = await cli('run', suite, '--out', join(dir, 'out'));
  expect(code).toBe(1);
  expect(stderr).toMatch(/rows failed:\n {2}4 × grad-cam: .*\/Relu_outptu_0/);
  expect(stdout).toContain('report: ');
});

test('an image that can not be read is told once, with the number of its rows', async () => {
  const dir = await temporaryFolder();
  const suite = { explainers: ['saliency'], controls: ['edges'], metrics: ['sparseness'] };
  const path = await cliWorld(dir, { suite });
  await writeFile(join(dir, 'images', 'no', 'slice 0 50%.png'), '');
  const { code, stderr } = await cli('run', path, '--out', join(dir, 'out'));
  expect(code).toBe(1);
  // The image, two maps and two values.
  expect(stderr).toMatch(/5 rows failed:\n {2}5 × no\/slice 0 50%\.png: the file is empty\.[^\n]*\n/);
  expect(stderr).not.toMatch(/saliency: no\//);
});

test('maps that are not kept go, but for those that the gallery shows', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, { suite: { output: { attributions: false, gallery: 1 } } });
  const out = join(dir, 'out');
  await cli('run', suite, '--out', out);
  const { readdir } = await import('node:fs/promises');
  const left = (await readdir(join(out, 'attributions'), { recursive: true })).filter(name => name.endsWith('.npy'));
  expect(
    new Set(
      left.map(name =>
        name
          .split('/')
          .at(-1)!
          .replace(/\.(regions|layer|se)\.npy$/, '.npy'),
      ),
    ).size,
  ).toBe(1);
  const html = await readFile(join(out, 'index.html'), 'utf8');
  await cli('report', out);
  expect(await readFile(join(out, 'index.html'), 'utf8')).toBe(html);
});

test('check tells the plan, its passes and its time, and writes nothing', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir);
  const { code, stdout } = await cli('check', suite, '--limit', '3');
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /data +images: 3 of 4 images of \d patients, \d with a mask\nlabels +no \d \(\d patients?\), yes/,
  );
  expect(stdout).toMatch(/tiny +64×64×1 +unknown +no, yes +onnx on cpu, 1 × 1 threads +\d+\.\d/);
  expect(stdout).toMatch(/lime +air +20 \+ 0/);
  expect(stdout).toMatch(/expected: \d+ forward and \d+ backward passes, about/);
  const json = await cli('check', suite, '--json', '--no-measure');
  expect(JSON.parse(json.stdout)).toMatchObject({ name: 'suite', images: 4, models: [] });
  expect(existsSync('reports/suite')).toBe(false);
});

describe('explain', () => {
  test('draws one map, and writes its numbers', async () => {
    const dir = await temporaryFolder();
    await cliWorld(dir);
    const image = join(dir, 'images', 'no', 'slice 0 50%.png');
    const [png, npy] = [join(dir, 'map.png'), join(dir, 'map.npy')];
    const common = ['explain', '--model', join(dir, 'model.yaml'), '--image', image];
    const { code, stdout } = await cli(
      ...common,
      ...['--method', 'occlusion', '--option', 'stride=16', '--option', 'border=shift', '--target', 'yes'],
      ...['--metric', 'deletion', '--out', png, '--npy', npy],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/▸ yes +0\.\d{4}/);
    expect(stdout).toMatch(/deletion: 0\.\d{4}/);
    expect(readNpy(await readFile(npy))).toMatchObject({ shape: [64, 64], dtype: 'float32' });
    const { width, height, format } = await sharp(png).metadata();
    expect(format).toBe('png');
    expect(width).toBeGreaterThan(2 * height! * 0.8);

    const control = await cli(...common, '--method', 'random', '--npy', npy);
    expect(control.code).toBe(0);
  });

  test('--list-layers asks for a model', async () => {
    const { code, stderr } = await cli('explain', 'model.yaml', '--list-layers');
    expect(code).toBe(2);
    expect(stderr).toContain('--list-layers needs --model');
  });

  test('lists layers', async () => {
    const dir = await temporaryFolder();
    await cliWorld(dir);
    const { code, stdout } = await cli('explain', '--model', dir, '--list-layers');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\S+ +\w+ +[\d.]+ +\d+×\d+×\d+ +CAM$/m);
  });

  test.each([
    [['--method', 'grad-cam', '--out', 'x.png'], '--image is missing.'],
    [['--image', 'IMAGE', '--method', 'grad-cam'], 'nothing would be written.'],
    [['--image', 'IMAGE', '--method', 'grad-cma', '--out', 'x.png'], "no explainer is called 'grad-cma'"],
    [['--image', 'IMAGE', '--method', 'shuffled', '--out', 'x.png'], "takes another patient's map"],
    [['--image', 'IMAGE', '--method', 'lime', '--option', 'sampels=3', '--out', 'x.png'], 'sampels'],
    [['--image', 'IMAGE', '--method', 'lime', '--option', 'samples', '--out', 'x.png'], 'expected key=value'],
    [['--image', 'IMAGE', '--method', 'lime', '--target', 'yess', '--out', 'x.png'], "no class 'yess'"],
    [['--image', 'none.png', '--method', 'lime', '--out', 'x.png'], 'none.png'],
    [['--image', 'IMAGE', '--method', 'lime', '--device', 'abacus', '--out', 'x.png'], 'abacus'],
  ])('refuses %j', async (args, message) => {
    const dir = await temporaryFolder();
    await cliWorld(dir, { images: 1 });
    const image = join(dir, 'images', 'no', 'slice 0 50%.png');
    const given = args.map(a => (a === 'IMAGE' ? image : a === 'x.png' ? join(dir, a) : a));
    const { code, stderr } = await cli('explain', '--model', dir, ...given);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(existsSync(join(dir, 'x.png'))).toBe(false);
  });

  test('a layer that the opened model does not have fails its map', async () => {
    const dir = await temporaryFolder();
    await cliWorld(dir, { images: 1 });
    const image = join(dir, 'images', 'no', 'slice 0 50%.png');
    const out = join(dir, 'x.png');
    const asked = ['--image', image, '--method', 'grad-cam', '--option', 'layer=nope', '--out', out];
    expect(await cli('explain', '--model', dir, ...asked)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nope'),
    });
    expect(existsSync(out)).toBe(false);
  });
});

test('list shows needs, options with defaults, and sources', async () => {
  const { code, stdout } = await cli('list', 'explainers');
  expect(code).toBe(0);
  expect(stdout).toMatch(/grad-cam: Grad-CAM[\s\S]*needs +layers[\s\S]*source +Selvaraju/);
  expect(stdout).toMatch(/steps +integer +(= 50)/);
  const [lrp] = JSON.parse((await cli('list', 'explainers', '--name', 'lrp', '--json')).stdout) as object[];
  expect(lrp).toMatchObject({ requires: ['backward-rules'], cost: { forward: 1, backward: 1 }, costClass: 'fast' });
  expect(stdout).toMatch(/rise: RISE[\s\S]*for +For any classifier[\s\S]*cost +very slow: 1000 passes/);
  for (const kind of ['metrics', 'baselines', 'data', 'engines']) expect((await cli('list', kind)).stdout).not.toBe('');
  expect((await cli('list', 'metrics', '--name', 'recommended')).stdout).toMatch(
    /^recommended: .*\n.*\n +srg +\{unit:patches\}: /,
  );
  const json = JSON.parse((await cli('list', 'metrics', '--name', 'deletion', '--json')).stdout) as { name: string }[];
  expect(json.map(m => m.name)).toEqual(['deletion']);
  expect(await cli('list', 'metrics', '--name', 'deltion')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Did you mean 'deletion'?"),
  });
});

test('doctor says what works, proven, and why the rest does not', async () => {
  const { code, stdout } = await cli('doctor');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^works +onnx [\d.]+ on cpu: /m);
  const { devices } = JSON.parse((await cli('doctor', '--json')).stdout) as {
    devices: { state: string; hint?: string }[];
  };
  for (const { state, hint } of devices) if (state !== 'works') expect(hint).toBeDefined();
});

describe('the command line itself', () => {
  test('has help with examples, and completion', async () => {
    const help = await cli('run', '--help');
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('Examples:');
    expect((await cli('completion')).stdout).toContain('ct-xai');
    expect((await cli('--version')).stdout).toMatch(/^\d+\.\d+\.\d+/);
  });

  test.each([
    [[], 'Name a command.'],
    [['rnu', 'x'], 'run'],
    [['run'], 'Not enough non-option arguments'],
    [['run', 'x.yaml', '--limt', '3'], 'limt'],
    [['run', 'x.yaml', '--limit', '0'], '--limit must be a whole number above 0'],
    [['run', 'x.yaml', '--limit', 'three'], '--limit must be a whole number above 0'],
    [['run', 'no-such-suite.yaml'], 'no-such-suite.yaml'],
    [['report', '/no/such/folder'], 'is not a run folder'],
    [['list', 'things'], 'things'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await cli(...args);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(2);
  });
});

test('the built program is executable and says its version', async () => {
  const { MAIN } = await import('./fixture.ts');
  const { spawnSync } = await import('node:child_process');
  expect((await readFile(MAIN, 'utf8')).startsWith('#!/usr/bin/env node\n')).toBe(true);
  expect((await stat(MAIN)).isFile()).toBe(true);
  const { status, stdout } = spawnSync(process.execPath, [MAIN, '--version'], { encoding: 'utf8' });
  expect([status, stdout.trim()]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+/)]);
});
