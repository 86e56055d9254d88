import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readNpy } from '../../src/core/npy.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld } from './fixture.ts';

test('run --save writes the explainers’ maps on the pixels of the files, also of a run that is finished', async () => {
  const dir = await temporaryFolder();
  const suite = { explainers: ['saliency'], controls: ['edges'], metrics: ['sparseness'], timing: { enabled: false } };
  const file = await cliWorld(dir, { images: 1, suite });
  const out = join(dir, 'run');
  const first = await cli('run', file, '--out', out, '--save', 'npy', 'nifti');
  expect(first, first.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/4 files of maps: /) });
  expect(first.stderr).toContain('2 images do not say where they lie');
  const folder = join(out, 'maps', 'tiny', 'saliency');
  expect(await readdir(join(out, 'maps', 'tiny'))).toEqual(['saliency']);
  const names = await readdir(folder);
  expect(names.map(name => name.replace(/^[^.]*/, '')).sort()).toEqual(['.nii.gz', '.nii.gz', '.npy', '.npy']);
  const map = readNpy(await readFile(join(folder, names.find(name => name.endsWith('.npy'))!)));
  // The pictures are 72 × 80, the network's grid is 64 × 64.
  expect(map.shape).toEqual([72, 80]);

  const dicom = await cli('run', file, '--out', out, '--save', 'dicom');
  expect(dicom).toMatchObject({ code: 1, stderr: expect.stringMatching(/not saved: 1 × .*can't be saved as DICOM/) });
  const part = await cli('run', file, '--out', join(dir, 'part'), '--save', 'npy', '--shard', '1/2');
  expect(part).toMatchObject({ code: 2, stderr: expect.stringContaining('--save writes the maps of a whole run') });
});
