import { analyse } from './analysis/analyse.ts';
import { figureFiles } from './figures/figure-files.ts';
import { galleryContent } from './gallery/content.ts';
import { createNames } from './page/part-names.ts';
import { renderHtml } from './page/report-page.ts';
import { sectionsOf } from './sections/all-sections.ts';
import type { ReportFile, RunData } from './summary/run-data.ts';
import { auditTable } from './tables/audit-table.ts';
import { baselinesTable } from './tables/baselines-table.ts';
import { classifierTable } from './tables/classifier-table.ts';
import { renderLatex } from './tables/latex.ts';
import { renderMarkdown } from './tables/markdown.ts';
import { tableFiles } from './tables/report-table.ts';
import { renderChecklist } from './tables/reporting-checklist.ts';
import { summaryTable } from './tables/summary-table.ts';
import { bibliography } from './text/methods-text.ts';

export { analyse } from './analysis/analyse.ts';
export type { Analysis, CellResult, ModelAnalysis } from './analysis/analysis.ts';
export {
  compareRuns,
  type GroupChange,
  type RunComparison,
  regressed,
  type ScoreChange,
} from './analysis/run-compare.ts';
export { compareTimings, type TimingChange } from './analysis/timing-compare.ts';
export { changeCells, ratioText, renderTimingPage } from './page/timing-page.ts';
export { RATINGS, type ReadingKey, readingInstructions, readingKey, readingPicture } from './reading/reading-set.ts';
export { type Rating, withReadings } from './reading/with-readings.ts';
export { type Collector, createCollector } from './summary/collect.ts';
export { loadRun } from './summary/load-run.ts';
export type { ReportFile, RunData } from './summary/run-data.ts';
export { fixed, signed } from './text/format.ts';
export { middleHalf, placeText, timingRemarks } from './text/timing-words.ts';

export interface ReportOptions {
  /** Without, the page has neither images nor maps, and can be passed on where pictures of patients must not be. */
  readonly pictures?: boolean;
  /** Pictures of up to so many bytes of text stand in the page. Default: 5 MB. */
  readonly mostInline?: number;
  /** Writes the drawings as files too, for papers. Default: false. */
  readonly figures?: boolean;
  /** Writes the tables as Parquet too. Default: false. */
  readonly parquet?: boolean;
}

/** Tables of the report, which `renderReports` writes as CSV and, if asked for, as Parquet. */
export const REPORT_TABLES = ['summary', 'classifier', 'audit', 'baselines'] as const;

/**
 * All reports of a run, to be written into its folder, one after the other: pictures that do not fit into the page come
 * first, a file for each image. The same run gives the same bytes.
 */
export async function* renderReports(
  run: RunData,
  analysis = analyse(run),
  { pictures = true, mostInline, figures = false, parquet = false }: ReportOptions = {},
): AsyncGenerator<ReportFile> {
  const names = createNames(run.manifest);
  const gallery = pictures ? yield* galleryContent({ run, analysis, names }, mostInline) : undefined;
  const sections = await sectionsOf({ run, analysis, names, ...(gallery ? { gallery } : {}) });
  const crossed = baselinesTable(analysis);
  const tables = [
    summaryTable(analysis),
    classifierTable(analysis),
    auditTable(analysis),
    ...(crossed ? [crossed] : []),
  ];
  for (const table of tables) yield* tableFiles(table, run.manifest, parquet);
  yield* [
    { file: 'summary.md', bytes: renderMarkdown(run, analysis, sections) },
    { file: 'tables.tex', bytes: renderLatex(analysis) },
    { file: 'reporting.md', bytes: renderChecklist(run, analysis) },
    { file: 'methods.bib', bytes: bibliography(run.manifest) },
    { file: 'index.html', bytes: renderHtml(run, analysis, sections) },
  ];
  if (figures) yield* figureFiles(sections);
}
