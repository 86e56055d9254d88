import { renderHtml } from './html.ts';
import type { ReportFile, RunData } from './run.ts';

export { collect, type MapCell, type RunSummary, type ScoreCell } from './collect.ts';
export { type GalleryPick, galleryChoice } from './gallery-choice.ts';
export { renderHtml } from './html.ts';
export { loadRun } from './load.ts';
export type { GalleryImage, ReportFile, RunData } from './run.ts';

/** All reports of a run, ready to be written into its folder. */
export async function renderReports(run: RunData): Promise<readonly ReportFile[]> {
  return [{ file: 'index.html', bytes: await renderHtml(run) }];
}
