import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { outputSchema } from '../../config/schema.ts';
import { parsingAsync } from '../../core/boundary.ts';
import { createCollector } from '../../reports/index.ts';
import { curvesReader } from '../../results/curves.ts';
import { FIGURES_FOLDER } from '../../results/folder.ts';
import { readRun } from '../../results/read-run.ts';
import { readRows } from '../../results/row-reader.ts';
import type { Run } from '../../results/run.ts';
import { tableReaders } from '../../results/tables.ts';
import { ExitCode, note, print } from '../shared/output.ts';
import { writeReports } from '../shared/write-reports.ts';

export interface ReportArguments {
  readonly dir: string;
  readonly gallery?: number | undefined;
  readonly curvesCsv: boolean;
  readonly pictures: boolean;
  readonly figures: boolean;
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

async function reportOn(
  run: Run,
  { gallery, curvesCsv, pictures, figures }: Omit<ReportArguments, 'dir'>,
): Promise<number> {
  const { suite, metrics, state } = run.manifest;
  const collector = createCollector(run.manifest);
  const budgetsCsv = ((suite ?? {}) as { timing?: { budgets?: unknown[] } }).timing?.budgets?.length;
  await readRows(run, [
    ...tableReaders(run, {
      curvesCsv,
      budgetsCsv: (budgetsCsv ?? 0) > 0,
      groupsCsv: metrics.some(metric => metric.scope === 'group'),
    }),
    curvesReader(run),
    collector,
  ]);
  const { files } = await writeReports(run, gallery ?? galleryOf(suite), collector.summary(), {
    pictures,
    figures,
  });
  for (const file of files) print(file);
  if (figures) await tellFigures(run.dir);
  if (state !== 'complete') print('the run is not complete: the reports show what is there');
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
