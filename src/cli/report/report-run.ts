import { outputSchema } from '../../config/schema.ts';
import { parsingAsync } from '../../core/boundary.ts';
import { createCollector } from '../../reports/index.ts';
import { curvesReader } from '../../results/curves.ts';
import { readRun } from '../../results/read-run.ts';
import { readRows } from '../../results/row-reader.ts';
import type { Run } from '../../results/run.ts';
import { tableReaders } from '../../results/tables.ts';
import { ExitCode, print } from '../shared/output.ts';
import { writeReports } from '../shared/write-reports.ts';

export interface ReportArguments {
  readonly dir: string;
  readonly gallery?: number | undefined;
  readonly curvesCsv: boolean;
  readonly pictures: boolean;
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

async function reportOn(run: Run, { gallery, curvesCsv, pictures }: Omit<ReportArguments, 'dir'>): Promise<number> {
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
  const { files } = await writeReports(run, gallery ?? galleryOf(suite), collector.summary(), { pictures });
  for (const file of files) print(file);
  if (state !== 'complete') print('the run is not complete: the reports show what is there');
  return ExitCode.ok;
}

function galleryOf(suite: unknown): number {
  const { output } = (suite ?? {}) as { output?: { gallery?: unknown } | null };
  return typeof output?.gallery === 'number' ? output.gallery : outputSchema.parse({}).gallery;
}
