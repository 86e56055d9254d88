import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Dataset, Sample, Source } from '../../src/core/contracts/index.ts';
import { writeNpy } from '../../src/core/npy.ts';
import { tensor } from '../../src/core/tensor.ts';
import { coverOf, withoutSeveral } from '../../src/data/pairs/without-factors.ts';
import { writePairs } from '../../src/data/pairs/write-pairs.ts';
import { pairs } from '../../src/data/readers/pairs.ts';
import { phantom } from '../../src/data/readers/phantom.ts';
import { csvText } from '../../src/results/csv.ts';

const root = mkdtempSync(join(tmpdir(), 'ct-xai-pairs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function all(dataset: Dataset): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of dataset.samples()) found.push(sample);
  return found;
}

/** A folder with these arrays of 2 × 2 and a table. */
function folder(
  name: string,
  files: Record<string, readonly number[]>,
  table: string,
  more: object = {},
): Promise<Dataset> {
  const dir = join(root, name);
  for (const [file, values] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), writeNpy(tensor([2, 2], Float32Array.from(values))));
  }
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'pairs.csv'), table);
  return pairs.open(pairs.options.parse({ path: dir, ...more }), { base: '.' });
}

const FILES = {
  'a.npy': [-900, -800, 40, 50],
  'a-without-x.npy': [-950, -800, 40, 50],
  'a-without-y.npy': [-900, -800, 40, 20],
};

describe('the phantom written as pairs', () => {
  it('in DICOM has whole HU, also without several factors, and the masks', async () => {
    const dir = join(root, 'phantom-dicom');
    const options = { patients: 2, slices: 1, size: 64, distractors: 1, seed: 'pairs' };
    const drawn = await phantom.open(phantom.options.parse(options), { base: '.' });
    const tables = await writePairs(drawn, dir, { format: 'dicom' });
    writeFileSync(join(dir, 'pairs.csv'), csvText(tables.pairs, { formulas: 'raw' }));
    const read = await all(await pairs.open(pairs.options.parse({ path: dir }), { base: '.' }));
    for (const [k, sample] of (await all(drawn)).entries()) {
      for (const variant of [undefined, ...(read[k]!.variants ?? [])]) {
        const [a, b] = [await sample.load(undefined, variant), await read[k]!.load(undefined, variant)];
        expect(b.source.pixels.data).toEqual(a.source.pixels.data.map(v => Math.round(v + 1024) - 1024));
        if (variant === undefined && b.mask) expect(b.mask.data).toEqual(a.mask!.data);
      }
    }
    expect(read.filter(s => s.hasMask)).toHaveLength(1);
  });

  it('is read back with the same pixels, factors, labels and masks in every variant', async () => {
    const dir = join(root, 'phantom');
    const options = { patients: 4, slices: 1, size: 96, distractors: 1, letter: 0.7, brightness: 0.7, seed: 'pairs' };
    const drawn = await phantom.open(phantom.options.parse(options), { base: '.' });
    const tables = await writePairs(drawn, dir);
    writeFileSync(join(dir, 'pairs.csv'), csvText(tables.pairs, { formulas: 'raw' }));
    const read = await pairs.open(pairs.options.parse({ path: dir }), { base: '.' });
    expect(read.labels).toEqual([...drawn.labels].sort());
    const [was, is] = [await all(drawn), await all(read)];
    expect(is.map(s => s.id)).toEqual(was.map(s => `images/${s.id}`));
    let compared = 0;
    for (const [k, sample] of was.entries()) {
      const other = is[k]!;
      expect(other).toMatchObject({ patient: sample.patient, label: sample.label, split: sample.split });
      expect(other.factors ?? []).toEqual(sample.factors);
      for (const variant of [undefined, ...(other.variants ?? [])]) {
        const [a, b] = [await sample.load(undefined, variant), await other.load(undefined, variant)];
        expect(b.source.unit).toBe('HU');
        expect(b.source.pixels.shape).toEqual(a.source.pixels.shape);
        expect(b.source.pixels.data.every((v, p) => v === a.source.pixels.data[p])).toBe(true);
        expect(b.source.spacing![0]).toBeCloseTo(a.source.spacing![0]!, 5);
        compared++;
      }
      const mask = (await other.load()).mask;
      expect(mask?.data ?? new Float32Array(96 * 96)).toEqual((await sample.load()).mask!.data);
    }
    expect(compared).toBeGreaterThan(20);
  });
});

describe('pairs of anybody', () => {
  const TABLE = 'image,without,factor,role\na.npy,a-without-x.npy,x,lesion\na.npy,a-without-y.npy,y,distractor\n';

  it('offer every subset of the factors, those without several put together', async () => {
    const [sample] = await all(await folder('plain', FILES, TABLE));
    expect(sample!.factors).toEqual([
      { name: 'x', role: 'lesion' },
      { name: 'y', role: 'distractor' },
    ]);
    expect(sample!.variants).toEqual(['no-lesion', 'without:x+y', 'without:y', 'without:x']);
    const values = async (variant?: string) => [...(await sample!.load(undefined, variant)).source.pixels.data];
    expect(await values()).toEqual(FILES['a.npy']);
    expect(await values('no-lesion')).toEqual(FILES['a-without-x.npy']);
    expect(await values('without:x+y')).toEqual([-950, -800, 40, 20]);
  });

  it('say which factors are everywhere, so that no map is scored on them', async () => {
    const table = (local: string) => `image,without,factor,role,local\na.npy,a-without-x.npy,x,confounder,${local}\n`;
    const [sample] = await all(await folder('everywhere', FILES, table('no')));
    expect(sample!.factors).toEqual([{ name: 'x', role: 'confounder', local: false }]);
    const [other] = await all(await folder('somewhere', FILES, table('')));
    expect(other!.factors).toEqual([{ name: 'x', role: 'confounder' }]);
    await expect(folder('unclear', FILES, table('maybe'))).rejects.toThrow("line 2: 'local' is 'maybe'");
  });

  it('whose factors change one pixel need the image without both', async () => {
    const files = { ...FILES, 'a-without-y.npy': [-960, -800, 40, 20], 'a-without-both.npy': [-1000, -800, 40, 20] };
    const [sample] = await all(await folder('overlap', files, TABLE));
    await expect(sample!.load(undefined, 'without:x+y')).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining("'x' and 'y' change the same pixels"),
      hint: expect.stringContaining("'x+y'"),
    });
    const [given] = await all(await folder('given', files, `${TABLE}a.npy,a-without-both.npy,y+x,lesion\n`));
    expect([...(await given!.load(undefined, 'without:x+y')).source.pixels.data]).toEqual(files['a-without-both.npy']);
  });

  it('may have placebos, which are no samples', async () => {
    const table = `${TABLE}p.npy,p-copy.npy,p,placebo\n`;
    const data = await folder('placebos', { ...FILES, 'p.npy': [1, 2, 3, 4], 'p-copy.npy': [1, 2, 3, 5] }, table);
    expect(data.count).toBe(1);
    const sets: number[][] = [];
    for await (const set of data.placebos!.sets()) sets.push(...set.placebos.map(p => [...p.pixels.data]));
    expect(sets).toEqual([[1, 2, 3, 5]]);
  });

  it.each([
    ['a file that is not there', 'image,without\na.npy,b.npy\n', /line 2: there is no file/],
    ['a path that leads out', 'image,without\na.npy,../a-without-x.npy\n', /line 2: the path of 'without' leads out/],
    ['no column for the pair', 'image,label\na.npy,x\n', /no column 'without'/],
    [
      'a role whose column is called otherwise',
      'image,without,Role\na.npy,a-without-x.npy,distractor\n',
      /'Role' like a column 'role'/,
    ],
    ['an unknown role', 'image,without,role\na.npy,a-without-x.npy,tumour\n', /line 2: the role 'tumour' is unknown/],
    [
      'one factor twice',
      'image,without\na.npy,a-without-x.npy\na.npy,a-without-y.npy\n',
      /two rows for the factor 'lesion'/,
    ],
    [
      'several factors of which one has no row',
      'image,without,factor\na.npy,a-without-x.npy,x\na.npy,a-without-y.npy,x+z\n',
      /line 3: 'z' in 'x\+z' has no row of its own/,
    ],
    [
      'two labels of one image',
      'image,without,factor,label\na.npy,a-without-x.npy,x,A\na.npy,a-without-y.npy,y,B\n',
      /lines 2 and 3 give the same image another label/,
    ],
  ])('refuse %s', async (name, table, message) => {
    await expect(folder(`bad ${name}`, FILES, table)).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringMatching(message),
    });
  });

  it('may call their columns otherwise', async () => {
    const table = 'Scan,Counterfactual,Role,PID\na.npy,a-without-x.npy,distractor,7\n';
    const columns = { image: 'Scan', without: 'Counterfactual', role: 'Role', patient: 'PID' };
    const [sample] = await all(await folder('called', FILES, table, { columns }));
    expect(sample!.patient).toBe('7');
    expect(sample!.factors).toEqual([{ name: 'distractor', role: 'distractor' }]);
  });

  it('refuse a counterfactual on another grid', async () => {
    const dir = join(root, 'grid');
    const [sample] = await all(await folder('grid', FILES, TABLE));
    writeFileSync(join(dir, 'a-without-x.npy'), writeNpy(tensor([2, 3], new Float32Array(6).fill(-500))));
    await expect(sample!.load(undefined, 'without:x')).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining("without 'x' it has 2 × 3 pixels instead of 2 × 2"),
    });
  });
});

it('covers factors by the images that lack most of them', () => {
  expect(coverOf(['a', 'b', 'c'], ['a', 'b', 'c', 'a+c', 'b+d'])).toEqual(['a+c', 'b']);
});

it('puts together what does not overlap, whatever the order', () => {
  const source = (...values: number[]): Source => ({ pixels: tensor([4], Float32Array.from(values)), unit: 'HU' });
  const whole = source(1, 2, 3, 4);
  const without = [
    { factor: 'a', source: source(0, 2, 3, 4) },
    { factor: 'b', source: source(1, 2, 3, 9) },
  ];
  for (const list of [without, without.toReversed()]) {
    expect([...withoutSeveral(whole, list, 'x').pixels.data]).toEqual([0, 2, 3, 9]);
  }
});
