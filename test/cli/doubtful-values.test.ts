import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { writeNpy } from '../../src/core/npy.ts';
import { tensor } from '../../src/core/tensor.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, ROOT } from './fixture.ts';

test('values that were never rescaled to Hounsfield units are named in the table, the report and data inspect', async () => {
  const folder = await temporaryFolder();
  const images = join(folder, 'images');
  await mkdir(images);
  const phantom = builtinRegistry().readers.get('phantom')!;
  const options = phantom.options.parse({ split: 'test', patients: 2, slices: 1 });
  const data = await phantom.open(options, { base: folder });
  const offsets = [0, 1024];
  let at = 0;
  for await (const sample of data.samples()) {
    const { pixels } = (await sample.load()).source;
    const stored = tensor(
      pixels.shape,
      pixels.data.map(v => v + offsets[at]!),
    );
    await writeFile(join(images, `${at++ === 0 ? 'right' : 'stored'}.npy`), writeNpy(stored));
  }
  const suite = {
    models: [join(ROOT, 'models', 'phantom-cnn', 'model.yaml')],
    data: { use: 'npy', path: images, unit: 'HU' },
    explainers: ['saliency'],
    metrics: ['sparseness'],
    controls: [],
    explain: 'all',
  };
  await writeFile(join(folder, 'suite.json'), JSON.stringify(suite));
  const out = join(folder, 'run');
  await cli('run', join(folder, 'suite.json'), '--out', out, '--no-timing');
  const rows = parse(await readFile(join(out, 'samples.csv'), 'utf8'), { columns: true }) as Record<string, string>[];
  expect(Object.fromEntries(rows.map(row => [row.id, row.doubt]))).toEqual({
    'right.npy': '',
    'stored.npy': 'airless',
  });
  const said = /1 image without any air \(nothing below −300 HU\): stored\.npy\. The values may be/;
  expect(await readFile(join(out, 'summary.md'), 'utf8')).toMatch(said);
  const inspected = await cli('data', 'inspect', images, '--use', 'npy', '--data-option', 'unit=HU');
  expect(inspected.stdout).toMatch(/HU +1 without any air/);
});
