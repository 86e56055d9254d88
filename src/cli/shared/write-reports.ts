import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Analysis,
  analyse,
  loadRun,
  type Rating,
  REPORT_TABLES,
  type ReportOptions,
  type RunData,
  renderReports,
  withReadings,
} from '../../reports/index.ts';
import { writeAtomic } from '../../results/files.ts';
import { FIGURES_FOLDER, GALLERY_FOLDER } from '../../results/folder.ts';
import type { Run } from '../../results/run.ts';

export interface Written {
  readonly files: readonly string[];
  readonly analysis: Analysis;
  readonly data: RunData;
}

interface WriteOptions extends ReportOptions {
  /** Of readers; they become a metric. */
  readonly ratings?: readonly Rating[];
}

/** Renders all reports of a run into its folder. */
export async function writeReports(
  run: Run,
  gallery: number,
  summary?: RunData['summary'],
  { ratings = [], ...options }: WriteOptions = {},
): Promise<Written> {
  const loaded = await loadRun(run, gallery, summary);
  const data = ratings.length > 0 ? withReadings(loaded, ratings) : loaded;
  const analysis = analyse(data);
  const files: string[] = [];
  // Those of an earlier report would not be its.
  for (const own of [GALLERY_FOLDER, FIGURES_FOLDER]) await rm(join(run.dir, own), { recursive: true, force: true });
  for (const table of REPORT_TABLES) await rm(join(run.dir, `${table}.parquet`), { force: true });
  for await (const { file, bytes } of renderReports(data, analysis, options)) {
    if (dirname(file) !== '.') await mkdir(join(run.dir, dirname(file)), { recursive: true });
    await writeAtomic(join(run.dir, file), bytes);
    if (dirname(file) === '.') files.push(join(run.dir, file));
  }
  return { files, analysis, data };
}
