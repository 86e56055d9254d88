import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FURTHER_FILE, furtherTraining } from '../../src/config/further-trainings.ts';
import type { ModelCard } from '../../src/core/contracts/index.ts';
import { temporaryFolder } from '../results/fixture.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');

async function folderWith(entry: object): Promise<ModelCard> {
  const dir = await temporaryFolder();
  await mkdir(join(dir, 'further'));
  await writeFile(join(dir, 'model.onnx'), 'weights');
  await writeFile(join(dir, 'further', 'masked.onnx'), 'others');
  const listed = {
    training: 'masked',
    file: 'further/masked.onnx',
    model: sha('weights'),
    digest: sha('others'),
    seconds: 1,
  };
  await writeFile(join(dir, FURTHER_FILE), JSON.stringify([{ ...listed, ...entry }]));
  return { file: join(dir, 'model.onnx') } as ModelCard;
}

it('finds the weights by the digests of the model and of themselves', async () => {
  const card = await folderWith({ auc: 0.93, modelAuc: 0.94 });
  expect(await furtherTraining(card, 'masked')).toMatch(/masked\.onnx$/);
});

it.each([
  [
    { training: 'seed-2' },
    /no such further training beside the model \(masked\); .*--further makes it; .*random patches/,
  ],
  [{ model: sha('retrained') }, /of other weights than these/],
  [{ digest: sha('changed') }, /is gone or was changed/],
  [{ file: 'further/lost.onnx' }, /is gone or was changed/],
  [{ auc: 0.9, modelAuc: 0.94 }, /has an AUC of 0\.900 on the test images, more than 0\.02 below the 0\.940/],
])('refuses %j', async (entry, message) => {
  await expect(furtherTraining(await folderWith(entry), 'masked')).rejects.toThrow(message);
});

it('a damaged list is none', async () => {
  const card = await folderWith({ seconds: 'long' });
  await expect(furtherTraining(card, 'masked')).rejects.toThrow(/no such further training/);
});
