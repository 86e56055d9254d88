import { outputSchema } from '../../config/schema.ts';
import { createCollector } from '../../reports/index.ts';
import { curvesReader } from '../../results/curves.ts';
import { readRun } from '../../results/read-run.ts';
import { readRows } from '../../results/row-reader.ts';
import { tableReaders } from '../../results/tables.ts';
import { ExitCode, print } from '../shared/output.ts';
import { writeReports } from '../shared/write-reports.ts';

export interface ReportArguments {
  readonly dir: string;
  readonly gallery?: number | undefined;
  readonly curvesCsv: boolean;
}

/** `ct-xai report`: the tables and reports of a run folder, made again. */
export async function reportRun({ dir, gallery, curvesCsv }: ReportArguments): Promise<number> {
  const run = await readRun(dir);
  try {
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
    const { files } = await writeReports(run, gallery ?? galleryOf(suite), collector.summary());
    for (const file of files) print(file);
    if (state !== 'complete') print('the run is not complete: the reports show what is there');
  } finally {
    await run.close();
  }
  return ExitCode.ok;
}

function galleryOf(suite: unknown): number {
  const { output } = (suite ?? {}) as { output?: { gallery?: number } };
  return output?.gallery ?? outputSchema.parse({}).gallery;
}
