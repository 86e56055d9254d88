import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld } from './fixture.ts';

type Line = Record<string, string>;
const read = async (path: string) => parse(await readFile(path), { columns: true }) as Line[];

let [dir, run, set]: string[] = [];
let key: { set: string; items: { item: string; sample: string; method: string; model: string }[] };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ct-xai-reading-'));
  await cliWorld(dir!, {
    images: 3,
    suite: { explainers: ['grad-cam', 'saliency'], controls: ['random', 'edges', 'shuffled'], metrics: ['sparseness'] },
  });
  [run, set] = [join(dir!, 'run'), join(dir!, 'reading')];
  const ran = await cli('run', join(dir!, 'suite.yaml'), '--out', run);
  if (ran.code !== 0) throw new Error(ran.stderr);
  const told = await cli('report', run, '--reading-set', set);
  if (told.code !== 0) throw new Error(told.stderr);
  const [file] = (await readdir(run)).filter(name => /^reading-.*\.json$/.test(name));
  key = JSON.parse(await readFile(join(run, file!), 'utf8'));
});

afterAll(() => rm(dir!, { recursive: true, force: true }));

/** A table as a reader fills it in, by what the key says is in the picture. */
async function filled(name: string, rate: (method: string, i: number) => string): Promise<string> {
  const lines = await read(join(set!, 'ratings.csv'));
  const methods = new Map(key.items.map(item => [item.item, item.method]));
  const path = join(await temporaryFolder(), name);
  const rows = lines.map((line, i) => [
    line.set,
    line.item,
    line.picture,
    line.class,
    rate(methods.get(line.item!)!, i),
    '',
  ]);
  await writeFile(
    path,
    [['set', 'item', 'picture', 'class', 'rating', 'comment'], ...rows].map(row => row.join(';')).join('\n'),
  );
  return path;
}

it('has a picture for each map and control of images of the positive class, and says nothing of what they show', async () => {
  const lines = await read(join(set!, 'ratings.csv'));
  const files = await readdir(set!);
  const shuffled = ['shuffled(grad-cam)', 'shuffled(saliency)'];
  const methods = ['grad-cam', 'saliency', 'random', 'edges', ...shuffled];
  expect(lines).toHaveLength(3 * 6);
  expect(new Set(key.items.map(item => item.method))).toEqual(new Set(methods));
  expect(files.sort()).toEqual([...lines.map(line => line.picture!), 'instructions.txt', 'ratings.csv'].sort());
  const told = (
    await Promise.all(['ratings.csv', 'instructions.txt'].map(f => readFile(join(set!, f), 'utf8')))
  ).join();
  for (const secret of ['grad-cam', 'saliency', 'random', 'edges', key.items[0]!.sample])
    expect(told).not.toContain(secret);
  const { width, height, exif, xmp } = await sharp(join(set!, lines[0]!.picture!)).metadata();
  expect(height).toBeGreaterThanOrEqual(512);
  expect(width).toBeGreaterThan(2 * height!);
  expect([exif, xmp]).toEqual([undefined, undefined]);
  // In random order: neither by method nor by image.
  expect(key.items.map(i => i.method)).not.toEqual([...key.items.map(i => i.method)].sort());
});

it('the same run gives the same set, and never into a folder that holds something', async () => {
  expect(await cli('report', run!, '--reading-set', set!)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is not empty'),
  });
  const again = join(await temporaryFolder(), 'again');
  await cli('report', run!, '--reading-set', again);
  for (const file of await readdir(set!)) {
    expect(Buffer.compare(await readFile(join(again, file)), await readFile(join(set!, file))), file).toBe(0);
  }
});

it('takes the ratings of several readers back as a metric, with how far they agree; later reports keep it', async () => {
  const floor = { 'shuffled(grad-cam)': 2, 'shuffled(saliency)': 1 };
  const of: Record<string, number> = { 'grad-cam': 4, saliency: 3, edges: 2, random: 1, ...floor };
  const [ab, cd] = [
    await filled('ratings-ab.csv', method => String(of[method])),
    await filled('ratings-cd.csv', (method, i) =>
      i === 0 ? '' : String(of[method]! + (method === 'grad-cam' ? 1 : 0)),
    ),
  ];
  expect(await cli('report', run!, '--ratings', ab, cd)).toMatchObject({ code: 0 });
  for (let k = 0; k < 2; k++) {
    const summary = await read(join(run!, 'summary.csv'));
    const means = Object.fromEntries(
      summary
        .filter(l => l.metric === 'reader-rating' && l.stratum === 'label yes')
        .map(l => [l.method, Number(l.mean)]),
    );
    const missing = key.items[0]!.method === 'grad-cam' ? 1 / 6 : 0;
    expect(means).toMatchObject({
      ...(key.items[0]!.method in floor ? {} : floor),
      saliency: 3,
      edges: 2,
      random: 1,
      'grad-cam': expect.closeTo(4.5 - missing, 9),
    });
    const text = await readFile(join(run!, 'summary.md'), 'utf8');
    expect(text).toMatch(/2.readers rated 18.maps, blinded.*Their agreement is 0\.\d\d/);
    await cli('report', run!);
  }
});

it('says what is wrong with a table, and where', async () => {
  const broken = async (name: string, rate: (method: string, i: number) => string) =>
    (await cli('report', run!, '--ratings', await filled(name, rate))).stderr;
  expect(await broken('a.csv', (_, i) => (i === 3 ? '6' : '1'))).toMatch(
    /a\.csv, line 5: the rating is '6'; it may be 1 to 5/,
  );
  expect(await broken('b.csv', () => '')).toMatch(/has no rating/);
  const other = await filled('c.csv', () => '1');
  await writeFile(other, (await readFile(other, 'utf8')).replaceAll(key.set, '0123456789ab'));
  expect((await cli('report', run!, '--ratings', other)).stderr).toMatch(/has no key of the set '0123456789ab'/);
});

it('a reading set is written alone: options of a report are refused', async () => {
  const told = await cli('report', run!, '--reading-set', join(dir!, 'other'), '--figures', '--parquet');
  expect(told.code).toBe(2);
  expect(told.stderr).toContain('--reading-set writes no report, so --parquet and --figures would do nothing');
});
