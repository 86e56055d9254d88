import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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

  expect((await cli(...train('whole'))).stderr).toMatch(/holds this training, finished/);
  const other = await cli(...train('whole', '--seed', '2'));
  expect(other).toMatchObject({ code: 2, stderr: expect.stringMatching(/--fresh to replace it/) });
});

test.each([
  [['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--batch', '0'], /--batch 0: it must be/],
  [['--arch', 'resnet', '--data', 'phantom', '--out', 'x'], /arch/],
  [['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--window', '100', '-100'], /must ascend/],
  [['--arch', 'cnn', '--data', 'phantom', '--out', 'x', '--classes', 'a', 'b'], /no image has the label 'a'/],
  [['--arch', 'cnn', '--data', './nowhere', '--out', 'x'], /there is no folder/],
])('refused: %j', async (args, message) => {
  const { code, stderr } = await cli('train', ...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
