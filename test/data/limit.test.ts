import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { writeNpy } from '../../src/core/npy.ts';
import { temporaryFolder } from './images.ts';

const golden = fileURLToPath(new URL('../golden', import.meta.url));
const folder = temporaryFolder();
writeFileSync(join(folder, 'a.npy'), writeNpy({ shape: [16, 16], data: new Float32Array(256).fill(-500) }));

test.each([
  ['npy', { path: join(folder, 'a.npy'), unit: 'HU' }],
  ['nifti', { path: join(golden, 'volumes') }],
  ['metaimage', { path: join(golden, 'volumes') }],
  ['dicom', { path: join(golden, 'dicom/syntax') }],
])('%s refuses images of more pixels than maxPixels, with the option’s name', async (use, given) => {
  const reader = builtinRegistry().readers.get(use)!;
  const errors = async (most: object): Promise<unknown[]> => {
    const dataset = await reader.open(reader.options.parse({ ...given, ...most }), { base: folder });
    const found: unknown[] = [];
    for await (const sample of dataset.samples()) found.push(await sample.load().catch((e: unknown) => e));
    return found;
  };
  for (const error of await errors({ maxPixels: 3 })) {
    expect(error).toMatchObject({ code: 'IMAGE', message: expect.stringContaining('at most 3 are read') });
    expect((error as { hint: string }).hint).toContain('maxPixels');
  }
  expect((await errors({})).some(found => !(found instanceof Error))).toBe(true);
});
