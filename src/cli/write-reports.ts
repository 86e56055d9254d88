import { join } from 'node:path';
import { loadRun, renderReports } from '../reports/index.ts';
import { writeAtomic } from '../results/files.ts';
import type { Run } from '../results/run.ts';

/** Renders all reports of a run into its folder. @returns the files' paths. */
export async function writeReports(run: Run, gallery: number): Promise<string[]> {
  const files = await renderReports(await loadRun(run, gallery));
  for (const { file, bytes } of files) await writeAtomic(join(run.dir, file), bytes);
  return files.map(({ file }) => join(run.dir, file));
}
