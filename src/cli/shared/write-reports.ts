import { join } from 'node:path';
import { type Analysis, analyse, loadRun, type RunData, renderReports } from '../../reports/index.ts';
import { writeAtomic } from '../../results/files.ts';
import type { Run } from '../../results/run.ts';

export interface Written {
  readonly files: readonly string[];
  readonly analysis: Analysis;
  readonly data: RunData;
}

/** Renders all reports of a run into its folder. */
export async function writeReports(run: Run, gallery: number, summary?: RunData['summary']): Promise<Written> {
  const data = await loadRun(run, gallery, summary);
  const analysis = analyse(data);
  const files: string[] = [];
  for (const { file, bytes } of await renderReports(data, analysis)) {
    await writeAtomic(join(run.dir, file), bytes);
    files.push(join(run.dir, file));
  }
  return { files, analysis, data };
}
