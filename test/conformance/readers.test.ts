import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { readerChecks } from '../../src/conformance/index.ts';
import type { DataReader, LoadedSample } from '../../src/core/contracts/index.ts';
import { tensor } from '../../src/core/tensor.ts';
import { temporaryFolder } from '../data/images.ts';
import { makeSmallData, smallDataOf } from '../data/small-data.ts';

const folder = temporaryFolder();
const golden = resolve(import.meta.dirname, '../golden');
beforeAll(() => makeSmallData(folder));

describe.each([...builtinRegistry().readers.values()])('reader $name', reader => {
  const options = smallDataOf(reader.name, { folder, golden });
  for (const { name, run } of readerChecks(reader, { options, base: folder })) it(name, run);
});

describe('readerChecks', () => {
  const failing = async (reader: DataReader): Promise<string[]> => {
    const names: string[] = [];
    for (const { name, run } of readerChecks(reader)) await run().catch(() => names.push(name));
    return names;
  };
  const { phantom } = Object.fromEntries(builtinRegistry().readers) as Record<string, DataReader>;
  const options = { patients: 2, slices: 1, size: 64 };
  const changed = (change: (loaded: LoadedSample) => LoadedSample): DataReader => ({
    ...phantom!,
    checks: { options },
    async open(given, context) {
      const dataset = await phantom!.open(given, context);
      return {
        ...dataset,
        async *samples() {
          for await (const sample of dataset.samples()) {
            const { variants: _, ...rest } = sample;
            yield { ...rest, load: async (...asked) => change(await sample.load(...asked)) };
          }
        },
      };
    },
  });

  it('passes a reader that is right', async () => {
    expect(await failing(changed(l => l))).toEqual([]);
  });

  it('catches what it is for', async () => {
    const holed = changed(l => ({
      ...l,
      source: { ...l.source, pixels: tensor([1, 1], Float32Array.of(Number.NaN)) },
    }));
    expect(await failing(holed)).toContain('loads finite pixels, and says their unit and spacing rightly');
    const bare = changed(({ source }) => ({ source }));
    expect(await failing(bare)).toContain(
      'loads masks of 0 and 1 on the image’s grid where it says that there are some',
    );
    let calls = 0;
    const moody = changed(l => {
      l.source.pixels.data[0] = ++calls;
      return l;
    });
    expect(await failing(moody)).toEqual(['loads the same again, whatever was written into what it gave']);
    const miscounted: DataReader = {
      ...phantom!,
      checks: { options },
      open: async (given, context) => ({ ...(await phantom!.open(given, context)), count: 7, labels: [] }),
    };
    expect(await failing(miscounted)).toEqual([
      'gives as many samples as it counts, each with an id of its own',
      'lists the labels of all samples',
    ]);
  });

  it('fails without data', async () => {
    expect(await failing({ ...phantom!, checks: { options: { patients: 0 } } })).not.toEqual([]);
  });
});
