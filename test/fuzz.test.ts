import { expect, test } from 'vitest';
// The long form: npm run fuzz.
import { FORMATS, fuzz } from '../tools/fuzz/formats.js';
import { temporaryFolder } from './results/fixture.ts';

test.each(Object.keys(FORMATS))('%s: damaged files are read or refused with a reason', async format => {
  const folder = await temporaryFolder();
  const faults = await fuzz(format, {
    files: format === 'h5' || format === 'keras' ? 12 : 60,
    seed: 'short form',
    folder,
  });
  expect(faults.map(fault => fault.error)).toEqual([]);
});
