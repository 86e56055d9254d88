import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readModelFile } from '../../src/engines/onnx/load/file.ts';
import { cli, cliWorld } from './fixture.ts';

const dir = mkdtempSync(join(tmpdir(), 'export-'));
const out = join(dir, 'model+cam.onnx');
const model = join(dir, 'model.yaml');
beforeAll(() => cliWorld(dir));
afterAll(() => rmSync(dir, { recursive: true }));

test('writes a model with its heat map, and says how near it is to explain', async () => {
  const { code, stdout, stderr } = await cli('export', model, '--with', 'grad-cam', '--out', out);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(/any number of images[\s\S]*map: \[images, 64, 64\][\s\S]*largest difference.*e[+-]/);
  const [before, after] = [readModelFile(join(dir, 'model.onnx')), readModelFile(out)];
  expect(after.inputs.map(i => i.name)).toEqual(before.inputs.map(i => i.name));
  expect(after.outputs.map(o => o.name)).toEqual([before.outputs[0]!.name, 'map']);
  expect(new Set(after.nodes.map(n => n.domain))).toEqual(new Set(['']));
});

test.each([
  [['--with', 'grad-cam', '--out', 'cam.png'], 'an .onnx file is written'],
  [['--with', 'rise', '--out', 'x.onnx'], 'no fixed graph'],
  [['--with', 'grad-cam', '--out', 'x.onnx', '--class', 'yess'], "Did you mean 'yes'?"],
  [['--with', 'input-x-gradient', '--out', 'x.onnx', '--baseline', 'blur'], 'depends on the image'],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await cli('export', model, ...args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
  expect(existsSync('x.onnx')).toBe(false);
});

test('does not write over a file unless it is told to', async () => {
  const asked = ['export', model, '--with', 'saliency', '--class', 'no', '--out', out];
  expect(await cli(...asked)).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') });
  expect((await cli(...asked, '--force')).code).toBe(0);
});
