import {
  changeCells,
  compareRuns,
  fixed,
  type GroupChange,
  loadRun,
  type RunComparison,
  regressed,
  type ScoreChange,
  signed,
} from '../../reports/index.ts';
import { differences } from '../../results/manifest.ts';
import { readRun } from '../../results/read-run.ts';
import { ExitCode, print, textTable } from '../shared/output.ts';

export interface CompareArguments {
  readonly dirs: readonly string[];
  readonly failOnRegression: boolean;
  readonly json: boolean;
}

/** `ct-xai compare A B …`: each run against the first. */
export async function compareFolders({ dirs, failOnRegression, json }: CompareArguments): Promise<number> {
  const [first, ...others] = dirs;
  const before = await dataOf(first!);
  const found: { readonly dir: string; readonly differences: readonly string[]; readonly comparison: RunComparison }[] =
    [];
  for (const dir of others) {
    const after = await dataOf(dir);
    const comparison = compareRuns(before, after);
    found.push({ dir, differences: differences(before.manifest, after.manifest), comparison });
  }
  if (json) print(JSON.stringify({ before: first, runs: found }, null, 2));
  else for (const { dir, differences: differ, comparison } of found) print(describe(first!, dir, differ, comparison));
  return failOnRegression && found.some(({ comparison }) => regressed(comparison)) ? ExitCode.rowsFailed : ExitCode.ok;
}

async function dataOf(dir: string) {
  const run = await readRun(dir);
  try {
    return await loadRun(run, 0);
  } finally {
    await run.close();
  }
}

const WORDS: Readonly<Record<ScoreChange['verdict'], string>> = { better: 'better', worse: 'worse', open: '' };

function describe(before: string, dir: string, differ: readonly string[], comparison: RunComparison): string {
  const { scores, groups, timings, notes } = comparison;
  const changed = scores.filter(change => change.verdict !== 'open').length;
  const lines = [
    `${dir} against ${before}`,
    `differ in: ${differ.join(', ') || 'nothing that the plan names'}`,
    ...notes.map(note => `note: ${note}`),
    '',
    ...(scores.length === 0
      ? ['no score of the primary stratum is in both runs']
      : [
          textTable([
            ['model', 'metric', 'explainer', 'later − earlier', 'patients', 'adjusted p', ''],
            ...scores.map(scoreCells),
          ]),
          `${changed} of ${scores.length} scores changed beyond noise; p is adjusted within metric and model.`,
        ]),
    ...(groups.length === 0
      ? []
      : [
          '',
          textTable([['model', 'metric', 'explainer', 'earlier', 'later', 'difference'], ...groups.map(groupCells)]),
          'These have one value for all maps of an explainer: no test tells a change from noise.',
        ]),
    ...(timings.length === 0
      ? []
      : [
          '',
          textTable([['model', 'explainer', 'ran on', 'ms then', 'ms now', 'ratio', ''], ...timings.map(changeCells)]),
        ]),
    '',
  ];
  return lines.join('\n');
}

function scoreCells({ model, metric, method, mean, low, high, patients, p, verdict }: ScoreChange): string[] {
  const interval = low === null || high === null ? '' : ` (${signed(low, 3)} to ${signed(high, 3)})`;
  const arrow = metric.better === 'higher' ? '↑' : '↓';
  return [
    model,
    `${metric.id} ${arrow}`,
    method,
    `${signed(mean, 3)}${interval}`,
    String(patients),
    fixed(p, 3),
    WORDS[verdict],
  ];
}

function groupCells({ model, metric, method, before, after }: GroupChange): string[] {
  return [model, metric.id, method, fixed(before, 3), fixed(after, 3), signed(after - before, 3)];
}
