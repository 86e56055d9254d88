import { analyse } from './analysis/analyse.ts';
import { renderHtml } from './html.ts';
import { renderMarkdown } from './markdown.ts';
import type { ReportFile, RunData } from './run.ts';
import { renderSummaryCsv } from './summary-csv.ts';

export { analyse } from './analysis/analyse.ts';
export { compareTimings, type TimingChange } from './analysis/timing-compare.ts';
export type { Analysis, CellResult, ModelAnalysis } from './analysis/types.ts';
export { fixed } from './format.ts';
export { loadRun } from './load.ts';
export type { ReportFile, RunData } from './run.ts';
export { changeCells, ratioText, renderTimingPage } from './timing-page.ts';
export { middleHalf, placeText, timingRemarks } from './timing-words.ts';

/** All reports of a run, to be written into its folder. The same run gives the same bytes. */
export async function renderReports(run: RunData, analysis = analyse(run)): Promise<readonly ReportFile[]> {
  return [
    { file: 'summary.csv', bytes: renderSummaryCsv(run, analysis) },
    { file: 'summary.md', bytes: renderMarkdown(run, analysis) },
    { file: 'index.html', bytes: await renderHtml(run, analysis) },
  ];
}
