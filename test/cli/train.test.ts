import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCard } from '../../src/config/card.ts';
import { furtherTraining } from '../../src/config/further-trainings.ts';
import { acquireLock } from '../../src/results/lock.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, MAIN } from './fixture.ts';

const settings = ['--arch', 'cnn', '--data', 'phantom', '--size', '32', '--width', '0.25', '--epochs', '4'];
const data = ['--patients', '12', '--val-patients', '4', '--test-patients', '6', '--slices', '1', '--batch', '4'];

test('a training killed in its midst goes on, and ends in the same weights', async () => {
  const dir = await temporaryFolder();
  const train = (out: string, ...more: string[]) => ['train', ...settings, ...data, '--out', join(dir, out), ...more];
  const whole = await cli(...train('whole'));
  expect(whole, whole.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/6 test images of 6 patients/) });

  const child = spawn(process.execPath, [MAIN, ...train('killed')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString();
    if (stderr.includes('epoch 2: loss')) child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'close');
  expect(signal, stderr).toBe('SIGKILL');
  const resumed = await cli(...train('killed'));
  expect(resumed.stderr).toMatch(/going on after epoch [12] of at most 4/);
  const [a, b] = await Promise.all(['whole', 'killed'].map(name => readFile(join(dir, name, 'model.onnx'))));
  expect(b!.equals(a!)).toBe(true);

  expect((await readdir(join(dir, 'killed'))).sort()).toEqual(['model.onnx', 'model.yaml', 'tfjs', 'training.json']);

  // As it would be after a kill between the two forms.
  const weights = await readFile(join(dir, 'whole', 'tfjs', 'weights.bin'));
  await rm(join(dir, 'whole', 'tfjs'), { recursive: true });
  const completed = await cli(...train('whole'));
  expect(completed.stderr).toMatch(/holds this training, finished/);
  expect(completed.stdout).toMatch(
    /model\.json: the same weights for TF\.js, logits within \d\.\de-\d+ of the largest/,
  );
  expect((await readFile(join(dir, 'whole', 'tfjs', 'weights.bin'))).equals(weights)).toBe(true);
  const { group } = await readCard(join(dir, 'whole'));
  expect(group).toMatch(/^cnn-[0-9a-f]{8}$/);
  const tfjs = { id: 'whole-tfjs', format: 'tfjs', group: `${group}-tfjs` };
  expect(await readCard(join(dir, 'whole', 'tfjs'))).toMatchObject(tfjs);
  const other = await cli(...train('whole', '--seed', '2'));
  expect(other).toMatchObject({ code: 2, stderr: expect.stringMatching(/: seed 1, not 2\.\n.*--fresh to replace it/) });
});

test('what metrics ask for of a trained model is trained beside it, once, and listed by digest', async () => {
  const dir = await temporaryFolder();
  const train = ['train', ...settings, ...data, '--out', join(dir, 'm'), '--further', 'masked', 'shuffled-labels'];
  const first = await cli(...train);
  expect(first, first.stderr).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/further\/masked: .* of training/),
  });
  const list = await readFile(join(dir, 'm', 'further-trainings.json'), 'utf8');
  expect((JSON.parse(list) as { training: string }[]).map(e => e.training)).toEqual(['masked', 'shuffled-labels']);
  const card = await readCard(join(dir, 'm'));
  const weights = await furtherTraining(card, 'shuffled-labels');
  expect((await readFile(weights)).equals(await readFile(card.file))).toBe(false);
  const again = await cli(...train);
  expect(again.stderr).not.toMatch(/epoch/);
  expect(await readFile(join(dir, 'm', 'further-trainings.json'), 'utf8')).toBe(list);
});

test('two trainings can not write one folder', async () => {
  const dir = join(await temporaryFolder(), 'model');
  await mkdir(dir);
  const lock = await acquireLock(dir);
  const refused = await cli('train', ...settings, ...data, '--out', dir);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/in use by process \d+.*another folder/s) });
  expect(existsSync(join(dir, 'model.onnx'))).toBe(false);
  await lock.release();
});

test.each([
  [['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--batch', '0'], /--batch 0: it must be/],
  [['--arch', 'resnet', '--data', 'phantom', '--out', 'x'], /arch/],
  [['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--window', '100', '-100'], /must ascend/],
  [['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--classes', 'a', 'b'], /no image has the label 'a'/],
  [['--arch', 'cnn', '--data', './nowhere', '--out', 'x'], /there is no file or folder/],
  [['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--confounder', 'letter'], /are given together/],
  [['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--agreement', '0.9'], /are given together/],
  [
    ['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--confounder', 'letter', '--agreement', '0.2'],
    /from 0.5 .* to 1/,
  ],
  [
    ['--arch', 'cnn', '--data', './nowhere', '--out', 'x', '--confounder', 'letter', '--agreement', '1'],
    /the phantom alone/,
  ],
])('refused: %j', async (args, message) => {
  const { code, stderr } = await cli('train', ...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
