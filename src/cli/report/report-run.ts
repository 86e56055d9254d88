import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { outputSchema } from '../../config/schema.ts';
import { parsingAsync } from '../../core/boundary.ts';
import { CtXaiError } from '../../core/errors.ts';
import { createCollector } from '../../reports/index.ts';
import { curvesReader } from '../../results/curves.ts';
import { FIGURES_FOLDER } from '../../results/folder.ts';
import { readRun } from '../../results/read-run.ts';
import { readRows } from '../../results/row-reader.ts';
import type { Run } from '../../results/run.ts';
import { tableReaders } from '../../results/tables.ts';
import { ExitCode, note, print } from '../shared/output.ts';
import { readReadings, takeRatings, writeReadingSet } from '../shared/reading-files.ts';
import { writeReports } from '../shared/write-reports.ts';

export interface ReportArguments {
  readonly dir: string;
  readonly gallery?: number | undefined;
  readonly curvesCsv: boolean;
  readonly parquet: boolean;
  readonly pictures: boolean;
  readonly figures: boolean;
  readonly readingSet?: string | undefined;
  readonly readingImages: number;
  readonly ratings?: readonly string[] | undefined;
}

/** `ct-xai report`: the tables and reports of a run folder, made again. */
export async function reportRun({ dir, ...options }: ReportArguments): Promise<number> {
  const run = await readRun(dir);
  try {
    return await parsingAsync({ code: 'RUN_FOLDER', what: `${dir}: its reports can't be made` }, () =>
      reportOn(run, options),
    );
  } finally {
    await run.close();
  }
}

/** @throws CtXaiError USAGE where an option asks for something that a reading set does not write */
function refuseWithSet(options: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(options).filter(name => options[name] !== undefined && options[name] !== false);
  if (given.length === 0) return;
  throw new CtXaiError('USAGE', `--reading-set writes no report, so ${given.join(' and ')} would do nothing.`, {
    hint: 'Run the command twice: once with --reading-set, once without.',
  });
}

async function reportOn(
  run: Run,
  { gallery, curvesCsv, parquet, pictures, figures, readingSet, readingImages, ratings }: Omit<ReportArguments, 'dir'>,
): Promise<number> {
  const { suite, metrics, state } = run.manifest;
  if (readingSet !== undefined) {
    refuseWithSet({
      '--gallery': gallery,
      '--curves-csv': curvesCsv,
      '--parquet': parquet,
      '--figures': figures,
      '--ratings': ratings,
    });
    return readingSetOf(run, readingSet, readingImages);
  }
  const collector = createCollector(run.manifest);
  const taken = ratings ? await takeRatings(run, ratings) : await readReadings(run);
  const budgetsCsv = ((suite ?? {}) as { timing?: { budgets?: unknown[] } }).timing?.budgets?.length;
  await readRows(run, [
    ...tableReaders(run, {
      curvesCsv,
      parquet,
      budgetsCsv: (budgetsCsv ?? 0) > 0,
      groupsCsv: metrics.some(metric => metric.scope === 'group'),
    }),
    curvesReader(run),
    collector,
  ]);
  const { files } = await writeReports(run, gallery ?? galleryOf(suite), collector.summary(), {
    pictures,
    figures,
    parquet,
    ratings: taken,
  });
  for (const file of files) print(file);
  if (figures) await tellFigures(run.dir);
  if (state !== 'complete') print('the run is not complete: the reports show what is there');
  return ExitCode.ok;
}

/** Writes the pictures that readers rate, and says what to do with them. */
async function readingSetOf(run: Run, out: string, images: number): Promise<number> {
  if (!(Number.isInteger(images) && images > 0)) {
    throw new CtXaiError('USAGE', `--reading-images must be a whole number above 0; got ${images}.`);
  }
  const collector = createCollector(run.manifest);
  await readRows(run, [collector]);
  const { items, set } = await writeReadingSet(run, collector.summary(), out, images);
  print(`${out}: ${items.length} pictures, ratings.csv and instructions.txt (set ${set})`);
  print(
    `Give each reader a copy of the folder. What the pictures show stands in ${join(run.dir, `reading-${set}.json`)}: keep it from them.`,
  );
  print(`Take the tables back with: ct-xai report ${run.dir} --ratings ratings-ab.csv ratings-cd.csv`);
  return ExitCode.ok;
}

/** Where the drawings are; and that there are no PNG files, where this machine has no fonts to write them with. */
async function tellFigures(dir: string): Promise<void> {
  const names = await readdir(join(dir, FIGURES_FOLDER)).catch(() => []);
  print(`${join(dir, FIGURES_FOLDER)}: ${names.filter(name => name.endsWith('.svg')).length} drawings`);
  if (names.length > 0 && !names.some(name => name.endsWith('.png'))) {
    note('no PNG files: this machine has no fonts to write in pictures. On Debian: apt-get install fonts-dejavu-core');
  }
}

function galleryOf(suite: unknown): number {
  const { output } = (suite ?? {}) as { output?: { gallery?: unknown } | null };
  return typeof output?.gallery === 'number' ? output.gallery : outputSchema.parse({}).gallery;
}
