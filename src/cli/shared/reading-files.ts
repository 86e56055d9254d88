import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { Tensor } from '../../core/tensor.ts';
import { type CsvTable, readCsvFile } from '../../data/files/csv.ts';
import {
  RATINGS,
  type Rating,
  type ReadingKey,
  type RunData,
  readingInstructions,
  readingKey,
  readingPicture,
} from '../../reports/index.ts';
import { csvStyle, csvText } from '../../results/csv.ts';
import { readTextIfThere, writeAtomic } from '../../results/files.ts';
import { isPlain, type MapRow, type SampleRow } from '../../results/rows.ts';
import type { Run } from '../../results/run.ts';

/** All ratings that were taken back, in the run folder. */
export const READINGS_FILE = 'readings.csv';
const COLUMNS = ['reader', 'set', 'item', 'model', 'sample', 'method', 'rating', 'plan'] as const;
const RATINGS_COLUMNS = ['set', 'item', 'picture', 'class', 'rating', 'comment'] as const;

const keyFile = (set: string) => `reading-${set}.json`;

/**
 * Writes a blinded set of pictures with a table to fill in, and the key into the run folder.
 * @throws CtXaiError if the folder is not empty, or the run kept no pictures
 */
export async function writeReadingSet(
  run: Run,
  summary: RunData['summary'],
  out: string,
  images: number,
): Promise<ReadingKey> {
  const key = readingKey(run.manifest, summary, images);
  if (key.items.length === 0) {
    throw new CtXaiError(
      'RUN_FOLDER',
      `${run.dir} has no maps of images of the primary analysis: there is nothing to rate.`,
      {
        hint: 'Run the suite with `output: { attributions: true }`, which is the default.',
      },
    );
  }
  await mkdir(out, { recursive: true });
  if ((await readdir(out)).length > 0) {
    throw new CtXaiError('USAGE', `the folder ${out} is not empty.`, {
      hint: 'Name a new folder for the reading set.',
    });
  }
  for (const { item, model, sample, method } of key.items) {
    const { view, map } = await picturesOf(run, model, sample, method);
    await writeAtomic(join(out, `${item}.png`), await readingPicture(view, map));
  }
  const style = csvStyle(run.manifest);
  const lines = key.items.map(({ item, target }) => [key.set, item, `${item}.png`, target, '', '']);
  await writeAtomic(join(out, 'ratings.csv'), csvText([[...RATINGS_COLUMNS], ...lines], style));
  await writeAtomic(join(out, 'instructions.txt'), readingInstructions(key));
  await writeAtomic(join(run.dir, keyFile(key.set)), `${JSON.stringify(key, null, 2)}\n`);
  return key;
}

async function picturesOf(
  run: Run,
  model: string,
  sample: string,
  method: string,
): Promise<{ view: Tensor; map: Tensor }> {
  const rows = await run.rowsOf(model, sample);
  const own = rows.find((row): row is SampleRow => row.kind === 'sample');
  const of = rows.find((row): row is MapRow => row.kind === 'map' && row.method === method && isPlain(row));
  const [view, map] = [own && (await run.readView(own)), of && (await run.readMap(of))];
  if (view && map) return { view, map };
  throw new CtXaiError(
    'RUN_FOLDER',
    `${run.dir} has no ${view ? `map by ${method}` : 'image'} of '${sample}' on ${model}.`,
    {
      hint: 'A reading set needs the images and maps that a run keeps: run the suite again with the same --out.',
    },
  );
}

/**
 * Takes readers' tables back: all ratings that the run has from now on, in place of earlier ones.
 * @param files one for each reader, whose name the file's is: ratings-ab.csv is of 'ab'
 */
export async function takeRatings(run: Run, files: readonly string[]): Promise<readonly Rating[]> {
  const keys = new Map<string, ReadingKey>();
  const ratings: Rating[] = [];
  for (const file of files) {
    const reader =
      basename(file)
        .replace(/\.[^.]*$/, '')
        .replace(/^ratings[-_ ]?/i, '') || 'reader';
    if (ratings.some(r => r.reader === reader)) {
      throw new CtXaiError('USAGE', `two tables are of the reader '${reader}'.`, {
        hint: 'The name of a file says whose it is: ratings-ab.csv is of ab.',
      });
    }
    const found = await ratingsOf(run, file, reader, keys);
    if (found.length === 0) {
      throw new CtXaiError('DATA', `${file} has no rating: its column 'rating' is empty.`, { hint: 'Fill in 1 to 5.' });
    }
    ratings.push(...found);
  }
  const lines = ratings.map(r => COLUMNS.map(name => (name === 'plan' ? run.manifest.planDigest : r[name])));
  await writeAtomic(join(run.dir, READINGS_FILE), csvText([[...COLUMNS], ...lines], csvStyle(run.manifest)));
  return ratings;
}

async function ratingsOf(run: Run, file: string, reader: string, keys: Map<string, ReadingKey>): Promise<Rating[]> {
  const { columns, rows } = await tableOf(file, ['set', 'item', 'rating']);
  const seen = new Set<string>();
  const out: Rating[] = [];
  for (const { cells, line } of rows) {
    const cell = (name: string) => cells[columns.get(name)!] ?? '';
    const where = `${file}, line ${line}`;
    if (cell('rating') === '') continue;
    const rating = Number(cell('rating').replace(',', '.'));
    if (!(Number.isInteger(rating) && rating >= 1 && rating <= RATINGS)) {
      throw new CtXaiError(
        'DATA',
        `${where}: the rating is '${cell('rating')}'; it may be 1 to ${RATINGS}, whole, or empty.`,
      );
    }
    const set = cell('set');
    const key = keys.get(set) ?? (await readKey(run, set, where));
    keys.set(set, key);
    // Spreadsheets take 007 for 7.
    const item = key.items.find(i => Number(i.item) === Number(cell('item')));
    if (!item)
      throw new CtXaiError(
        'DATA',
        `${where}: the set ${set} has no item '${cell('item')}'; it has ${key.items.length}.`,
      );
    if (seen.has(`${set} ${item.item}`))
      throw new CtXaiError('DATA', `${where}: the item ${item.item} is rated twice.`);
    seen.add(`${set} ${item.item}`);
    const { target: _, ...named } = item;
    out.push({ reader, set, ...named, rating });
  }
  return out;
}

async function readKey(run: Run, set: string, where: string): Promise<ReadingKey> {
  const hint = `Ratings go to the run that the set was written from: ct-xai report DIR --reading-set OUT.`;
  const text = /^[0-9a-f]{12}$/.test(set) ? await readTextIfThere(join(run.dir, keyFile(set))) : undefined;
  if (text === undefined)
    throw new CtXaiError('DATA', `${where}: ${run.dir} has no key of the set '${set}'.`, { hint });
  let key: ReadingKey;
  try {
    key = JSON.parse(text) as ReadingKey;
  } catch (cause) {
    throw new CtXaiError('RUN_FOLDER', `${keyFile(set)} is damaged: ${messageOf(cause)}.`, { cause });
  }
  if (key.planDigest !== run.manifest.planDigest) {
    throw new CtXaiError('DATA', `${where}: the set '${set}' is of another plan than ${run.dir} has now.`, { hint });
  }
  return key;
}

/** Ratings that were taken before; none where the run is of another plan by now. */
export async function readReadings(run: Run): Promise<readonly Rating[]> {
  if ((await readTextIfThere(join(run.dir, READINGS_FILE))) === undefined) return [];
  const { columns, rows } = await tableOf(join(run.dir, READINGS_FILE), COLUMNS);
  const cellOf = (cells: readonly string[], name: (typeof COLUMNS)[number]) => cells[columns.get(name)!] ?? '';
  return rows
    .filter(({ cells }) => cellOf(cells, 'plan') === run.manifest.planDigest)
    .map(({ cells }) => {
      const text = (name: (typeof COLUMNS)[number]) => cellOf(cells, name);
      return {
        ...{ reader: text('reader'), set: text('set'), item: text('item'), model: text('model') },
        ...{ sample: text('sample'), method: text('method'), rating: Number(text('rating')) },
      };
    });
}

async function tableOf(
  file: string,
  needed: readonly string[],
): Promise<{ columns: ReadonlyMap<string, number>; rows: CsvTable['rows'] }> {
  const { header, rows } = await readCsvFile(file, file);
  const columns = new Map(header.map((name, i) => [name.toLowerCase(), i]));
  const missing = needed.filter(name => !columns.has(name));
  if (missing.length > 0) {
    throw new CtXaiError('DATA', `${file} has no column '${missing[0]}'; it has ${header.join(', ') || 'none'}.`, {
      hint: 'Fill in the ratings.csv of the reading set, and keep its columns.',
    });
  }
  return { columns, rows };
}
