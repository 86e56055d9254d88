import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, expect, test } from 'vitest';
import { pairs } from '../../src/data/readers/pairs.ts';
import { cli } from './fixture.ts';

const dir = mkdtempSync(join(tmpdir(), 'phantom-'));
const out = join(dir, 'files');
afterAll(() => rmSync(dir, { recursive: true }));

const table = (name: string) => parse(readFileSync(join(out, name)), { columns: true }) as Record<string, string>[];

test('writes pairs, and the effects of the factors on a model', async () => {
  // At 256 pixels chance effects of the model are on record.
  const size = ['--patients', '4', '--size', '256', '--distractors', '1'];
  const { code, stdout, stderr } = await cli('phantom', '--out', out, ...size, '--model', 'models/phantom-cnn');
  expect(code).toBe(0);
  expect(stderr).not.toContain('by chance');
  expect(stdout).toContain('4 images of 4 patients');
  const pairs = table('pairs.csv');
  expect(new Set(pairs.map(r => r['label']))).toEqual(new Set(['covid', 'non-covid']));
  expect(pairs.filter(r => r['role'] === 'distractor' && !r['factor']!.includes('+'))).toHaveLength(4);
  const factors = table('factors.csv');
  // A distractor is as visible as the largest lesion; the cut at −1024 HU takes a little.
  for (const { image, sum_abs_hu: sum } of factors.filter(f => f['factor'] === 'lesion-1')) {
    const distractor = factors.find(f => f['image'] === image && f['role'] === 'distractor')!;
    expect(Number(distractor['sum_abs_hu']) / Number(sum)).toBeCloseTo(1, 2);
  }
  const truth = table('truth.csv');
  expect(new Set(truth.map(t => t['sample'])).size).toBe(4);
  // Effects of the two that have lesions are mostly theirs.
  const effect = (role: string) => truth.filter(t => t['role'] === role).map(t => Math.abs(Number(t['effect'])));
  expect(Math.max(...effect('lesion'))).toBeGreaterThan(0.5);
  expect(truth.every(t => Number.isFinite(Number(t['effect'])) && t['class'] === 'covid')).toBe(true);
});

test('says that it measures chance effects where none are on record', async () => {
  const small = ['--patients', '1', '--size', '64', '--distractors', '0'];
  const { code, stderr } = await cli('phantom', '--out', join(dir, 'small'), ...small, '--model', 'models/phantom-cnn');
  expect(code).toBe(0);
  expect(stderr).toContain('phantom-cnn: measuring how large an effect is by chance');
});

test('what it wrote is data for a suite', async () => {
  const { code, stdout } = await cli('data', 'inspect', out, '--use', 'pairs', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ images: 4 });
});

test('writes the scanned phantom, and says how it was scanned', async () => {
  const dir2 = join(dir, 'scanned');
  const scan = ['--physics', 'projection', '--kernel', 'sharp', '--photons', '20000', '--thickness', '3'];
  const few = ['--patients', '1', '--size', '64', '--distractors', '0', '--format', 'dicom'];
  const { code } = await cli('phantom', '--out', dir2, ...few, ...scan);
  expect(code).toBe(0);
  const about = JSON.parse(readFileSync(join(dir2, 'phantom.json'), 'utf8'));
  expect(about).toMatchObject({ physics: 'projection', kernel: 'sharp', photons: 20_000, thickness: 3 });
  for await (const sample of (await pairs.open(pairs.options.parse({ path: dir2 }), { base: '.' })).samples()) {
    const { source } = await sample.load();
    expect(source.acquisition).toMatchObject({ kernel: 'sharp', thicknessMm: 3 });
  }
});

test.each([
  [['--out', out], 'is not empty'],
  [['--out', join(dir, 'new'), '--distractors', '5'], '--distractors'],
  [['--out', join(dir, 'new'), '--patients', '0'], '--patients'],
  [['--out', join(dir, 'new'), '--kernel', 'sharp'], 'kernel goes with physics: projection'],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await cli('phantom', ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
