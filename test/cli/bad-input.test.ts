import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Manifest } from '../../src/results/rows.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld, type Outcome } from './fixture.ts';

/** A world, changed, and what `ct-xai run` says of it. */
async function runWith(
  change: (dir: string) => Promise<void> | void,
  suite: object = {},
): Promise<Outcome & { dir: string }> {
  const dir = await temporaryFolder();
  const path = await cliWorld(dir, { suite: { explainers: ['grad-cam'], controls: [], ...suite } });
  await change(dir);
  return { ...(await cli('run', path, '--out', join(dir, 'out'))), dir };
}

async function editYaml(path: string, edit: (value: Record<string, never>) => object): Promise<void> {
  await writeFile(path, stringify(edit(parse(await readFile(path, 'utf8')) as Record<string, never>)));
}

const card = (edit: object) => (dir: string) => editYaml(join(dir, 'model.yaml'), c => ({ ...c, ...edit }));
const image = (dir: string, name = 'slice 0 50%.png') => join(dir, 'images', 'no', name);

describe('refused before anything runs, with exit code 2', () => {
  test.each<[string, (dir: string) => Promise<void> | void, object, RegExp]>([
    ['an unknown key', () => {}, { explainer: ['lime'] }, /suite\.yaml.*'explainer'[\s\S]*Did you mean 'explainers'/],
    ['an unknown option', () => {}, { explainers: [{ use: 'lime', options: { sample: 3 } }] }, /sample[\s\S]*samples/],
    ['an unknown method', () => {}, { explainers: ['gradcam'] }, /gradcam[\s\S]*Did you mean 'grad-cam'/],
    ['a missing model', dir => rm(join(dir, 'model.onnx')), {}, /there is no model file .*model\.onnx/],
    ['a missing card', dir => rm(join(dir, 'model.yaml')), {}, /model\.yaml/],
    ['an empty model', dir => truncate(join(dir, 'model.onnx'), 0), {}, /model\.onnx is empty/],
    ['a model that is cut off', dir => truncate(join(dir, 'model.onnx'), 5000), {}, /model\.onnx/],
    ['a model that is no ONNX file', dir => writeFile(join(dir, 'model.onnx'), 'hello, world'), {}, /model\.onnx/],
    ['a card with other classes', card({ classes: ['no', 'yes', 'c'] }), {}, /3.*classes|classes.*3/],
    ['a card of another size', card({ input: { size: 32, channels: 1 } }), {}, /64/],
    ['a card with other channels', card({ input: { size: 64, channels: 3 } }), {}, /channel/],
    ['a card with a layer that is not there', card({ camLayer: 'features' }), {}, /features/],
    ['a label that is no class', card({ classes: ['no', 'maybe'] }), {}, /'yes'/],
    ['a target that is no class', () => {}, { target: 'yess' }, /yess/],
    ['no data folder', dir => rm(join(dir, 'images'), { recursive: true }), {}, /there is no folder .*images/],
    [
      'no images',
      async dir => {
        await rm(join(dir, 'images'), { recursive: true });
        await mkdir(join(dir, 'images', 'no'), { recursive: true });
      },
      {},
      /images/,
    ],
    ['a plugin that is not there', () => {}, { plugins: ['./nowhere.js'] }, /nowhere\.js/],
    ['a device that there is not', () => {}, { engine: { device: 'tpu' } }, /tpu/],
  ])('%s', async (_, change, suite, message) => {
    const { code, stderr, stdout } = await runWith(change, suite);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error: /m);
    expect(stderr).not.toMatch(/internal error|\n {4}at /);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('kept to its rows, with exit code 1', () => {
  test.each<[string, (dir: string) => Promise<void>, RegExp]>([
    ['an empty image', dir => truncate(image(dir), 0), /slice 0 50%\.png: the file is empty/],
    ['an image that is cut off', dir => truncate(image(dir), 900), /slice 0 50%\.png: .*cut off/],
    ['a file that is no image', dir => writeFile(image(dir), 'not a picture'), /slice 0 50%\.png: .*not an image/],
  ])('%s', async (_, change, message) => {
    const { code, stderr, dir } = await runWith(change);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    const manifest = JSON.parse(await readFile(join(dir, 'out', 'manifest.json'), 'utf8')) as Manifest;
    expect(manifest.counts!.sample).toEqual({ ok: 3, failed: 1 });
    expect(manifest.state).toBe('complete');
  });

  test('an unknown layer', async () => {
    const explainers = ['occlusion', { use: 'grad-cam', options: { layer: 'norm5' } }];
    const { code, stderr, dir } = await runWith(() => {}, { explainers });
    expect(code).toBe(1);
    expect(stderr).toMatch(/4 × grad-cam: .*'norm5'/);
    const manifest = JSON.parse(await readFile(join(dir, 'out', 'manifest.json'), 'utf8')) as Manifest;
    expect(manifest.counts!.map).toEqual({ ok: 4, failed: 4 });
  });
});

describe('run folders that can not be used, with exit code 2', () => {
  test('of another plan, unless --fresh', async () => {
    const dir = await temporaryFolder();
    const out = join(dir, 'out');
    const path = await cliWorld(dir, { suite: { explainers: ['grad-cam'], controls: [] } });
    await cli('run', path, '--out', out);
    const other = await cli('run', path, '--out', out, '--seed', '7');
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/holds another plan \('suite'\); different: seed\.\n.*--fresh/);
    expect((await cli('run', path, '--out', out, '--seed', '7', '--fresh')).code).toBe(0);
  });

  test('of a newer version', async () => {
    const dir = await temporaryFolder();
    const out = join(dir, 'out');
    const path = await cliWorld(dir, { suite: { explainers: ['grad-cam'], controls: [] } });
    await cli('run', path, '--out', out);
    const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')) as Manifest;
    await writeFile(join(out, 'manifest.json'), JSON.stringify({ ...manifest, formatVersion: 99 }));
    for (const args of [
      ['run', path, '--out', out],
      ['report', out],
    ]) {
      const { code, stderr } = await cli(...args);
      expect(stderr).toContain('is a run folder of format 99; this version reads up to 1.');
      expect(code).toBe(2);
    }
  });

  test('that holds something else, even with --fresh', async () => {
    const dir = await temporaryFolder();
    const path = await cliWorld(dir);
    const { code, stderr } = await cli('run', path, '--out', join(dir, 'images'), '--fresh');
    expect(stderr).toMatch(/images is not empty and not a run folder/);
    expect(code).toBe(2);
  });

  const root = process.platform === 'linux' && process.getuid?.() === 0;
  test.skipIf(!root)('on a full, then on a read-only disk (needs root to mount one)', async context => {
    const mount = await mkdtemp(join(tmpdir(), 'ct-xai-mount-'));
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=100k', 'tmpfs', mount]).status !== 0) {
      context.skip('mounting is not allowed here');
    }
    try {
      const dir = await temporaryFolder();
      const path = await cliWorld(dir, { suite: { explainers: ['grad-cam'] } });
      const out = join(mount, 'out');
      const full = await cli('run', path, '--out', out);
      expect(full.stderr).toMatch(/error: writing .*: no space is left on the device\.\nhint: .*the run goes on/);
      expect(full.code).toBe(2);
      spawnSync('mount', ['-o', 'remount,ro', mount]);
      const readOnly = await cli('run', path, '--out', out);
      expect(readOnly.stderr).toMatch(/the file system is read-only\.\nhint: .*--out/);
      expect(readOnly.code).toBe(2);
      spawnSync('mount', ['-o', 'remount,rw,size=10m', mount]);
      const resumed = await cli('run', path, '--out', out);
      expect(resumed.stderr).toContain('resuming: ');
      expect(resumed.code).toBe(0);
    } finally {
      spawnSync('umount', [mount]);
      await rm(mount, { recursive: true, force: true });
    }
  });
});
