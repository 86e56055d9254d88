import { beforeAll, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import type { DataReader, Dataset, Sample } from '../../src/core/contracts/index.ts';
import { CtXaiError } from '../../src/core/errors.ts';
import { resizeBilinear } from '../../src/core/image/resize.ts';
import { createRng } from '../../src/core/rng.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { looksBurntIn } from '../../src/data/inspect/burnt-in.ts';
import { type DataInspection, inspectData } from '../../src/data/inspect/inspect-data.ts';

const texture = (seed: string, size = 64): Tensor => {
  const rng = createRng(seed);
  const coarse = tensor(
    [8, 8],
    Float32Array.from({ length: 64 }, () => 20 + 200 * rng.next()),
  );
  return resizeBilinear(coarse, [size, size], { antialias: false });
};
const sample = (id: string, pixels: Tensor | CtXaiError, more: Partial<Sample> = {}): Sample => ({
  id,
  patient: id,
  hasMask: false,
  source: id,
  async load() {
    if (pixels instanceof CtXaiError) throw pixels;
    return { source: { pixels, unit: 'grey', spacing: [0.7, 0.8] } };
  },
  ...more,
});
const datasetOf = (samples: readonly Sample[]): Dataset => ({
  name: 'made',
  labels: ['ill', 'well'],
  digest: 'd',
  count: samples.length,
  leftOut: [{ path: 'notes.txt', reason: 'it is no image' }],
  async *samples() {
    yield* samples;
  },
});

const a = texture('a');
const copy = tensor(a.shape, a.data.slice());
// As another tool would have saved it: smaller, and a little darker.
const again = resizeBilinear(
  tensor(
    a.shape,
    a.data.map(v => 0.9 * v),
  ),
  [48, 48],
  { antialias: true },
);
let found: DataInspection;

beforeAll(async () => {
  const empty = tensor([64, 64]);
  found = await inspectData(
    datasetOf([
      sample('a', a, { label: 'ill', split: 'train', patient: 'p1', groups: { sex: 'F' } }),
      sample('a-again', again, { label: 'ill', split: 'test', patient: 'p2', groups: { sex: 'M' } }),
      sample('a-copy', copy, { label: 'well', split: 'test', patient: 'p1', groups: { sex: 'F' } }),
      sample('b', texture('b'), {
        patient: 'p3',
        hasMask: true,
        load: async () => ({ source: { pixels: texture('b'), unit: 'HU' }, mask: empty }),
      }),
      sample('broken', new CtXaiError('IMAGE', 'broken: it ends early.'), { patient: 'p4' }),
      sample('flat', tensor([8, 8]), { patient: 'p5' }),
    ]),
    { pixels: true },
  );
});

it('counts images and patients by label and split, and names patients that cross splits', () => {
  expect(found).toMatchObject({
    images: 6,
    patients: 5,
    labels: { ill: { images: 2, patients: 2 }, well: { images: 1, patients: 1 }, '': { images: 3, patients: 3 } },
    splits: { train: { images: 1, labels: { ill: 1 } }, test: { images: 2, labels: { ill: 1, well: 1 } } },
    crossing: [{ patient: 'p1', splits: ['test', 'train'] }],
    severalLabels: 1,
    masks: { found: 1, missing: 5 },
    groups: { sex: { F: 2, M: 1 } },
    leftOut: [{ path: 'notes.txt' }],
  });
});

it('says of pixels what they are, and which can’t be read', () => {
  expect(found.pixels).toMatchObject({
    read: 5,
    units: { HU: 1, grey: 4 },
    sizes: { '64 × 64': 3, '48 × 48': 1, '8 × 8': 1 },
    spacings: { '0.7 × 0.8': 4, unknown: 1 },
    emptyMasks: 1,
    constant: ['flat'],
    unreadable: [{ id: 'broken', reason: 'it ends early.' }],
  });
});

it('finds equal images, and images of different patients that look the same', () => {
  expect(found.pixels.duplicates).toEqual([['a', 'a-copy']]);
  expect(found.pixels.nearDuplicates).toEqual([
    ['a', 'a-again'],
    ['a-again', 'a-copy'],
  ]);
});

it('suspects letters that are burnt in, and not the same images without', async () => {
  const { phantom } = Object.fromEntries(builtinRegistry().readers) as Record<string, DataReader>;
  const suspects = async (options: object) => {
    const given = phantom!.options.parse({ patients: 6, slices: 1, size: 256, ...options });
    const dataset = await phantom!.open(given, { base: '.' });
    let n = 0;
    for await (const s of dataset.samples()) if (looksBurntIn((await s.load()).source)) n++;
    return n;
  };
  expect(await suspects({})).toBe(0);
  // The letter agrees with the label, so that half of the images have it.
  expect(await suspects({ letter: 1 })).toBe(3);
});
