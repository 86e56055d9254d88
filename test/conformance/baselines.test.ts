import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { baselineChecks } from '../../src/conformance/index.ts';
import type { Baseline } from '../../src/core/contracts/index.ts';
import { filled, tensor } from '../../src/core/tensor.ts';

describe.each([...builtinRegistry().baselines.values()])('baseline $name', baseline => {
  for (const { name, run } of baselineChecks(baseline)) it(name, run);
});

describe('baselineChecks', () => {
  const failing = async (part: Partial<Baseline>): Promise<string[]> => {
    const make: Baseline['make'] = image => filled(image.shape, 0);
    const names: string[] = [];
    const baseline: Baseline = { name: 'faulty', title: 'Faulty', summary: '', space: 'raw', make, ...part };
    for (const { name, run } of baselineChecks(baseline)) await run().catch(() => names.push(name));
    return names;
  };
  const zeroWhere = (image: { shape: readonly number[]; data: Float32Array }, where: (i: number) => boolean) =>
    tensor(
      image.shape,
      image.data.map((v, i) => (where(i) ? 0 : v)),
    );

  it('catches what it is for', async () => {
    expect(await failing({})).toEqual([]);
    expect(await failing({ make: () => tensor([2, 2]) })).toContain('gives finite images of the image’s shape');
    expect(await failing({ make: image => image })).toEqual(['leaves all that it is given as it is']);
    let calls = 0;
    expect(await failing({ make: image => filled(image.shape, ++calls) })).toEqual([
      'gives the same image for the same seed, also when two are made at once',
    ]);
    const needy: Baseline['make'] = async (_, { variant }) => {
      const { shape, data } = (await variant('no-lesion'))!;
      return tensor(shape, data.slice());
    };
    expect(await failing({ make: needy })).toEqual([
      'gives an image, or says that there is none, where data has no variants and no training images',
    ]);
  });

  it('catches fillers that are none', async () => {
    const channels = (t: { shape: readonly number[] }) => t.shape[2] ?? 1;
    const right: Baseline['fill'] = (image, removed) =>
      zeroWhere(image, i => removed[Math.floor(i / channels(image))] === 1);
    expect(await failing({ fill: right })).toEqual([]);
    expect(await failing({ fill: image => filled(image.shape, 0) })).toContain(
      'fills what is removed, and leaves the rest as it is',
    );
    const peeks: Baseline['fill'] = (image, removed) =>
      tensor(
        image.shape,
        image.data.map((v, i) => (removed[Math.floor(i / channels(image))] ? -v : v)),
      );
    expect(await failing({ fill: peeks })).toContain('does not see what is removed');
  });
});
