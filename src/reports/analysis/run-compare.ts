import { createRng } from '../../core/rng.ts';
import type { Judged } from '../../core/statistics/verdicts.ts';
import type { Manifest } from '../../results/rows.ts';
import type { ScoreCell } from '../summary/collect.ts';
import { isPrimary } from '../summary/primary.ts';
import type { RunData } from '../summary/run-data.ts';
import type { MetricEntry } from './analysis.ts';
import { settingsOf } from './analysis-settings.ts';
import { type ValuesByImage, verdictsAgainst } from './pairwise.ts';
import { compareTimings, type TimingChange, type Timings } from './timing-compare.ts';

/** One explainer by one metric of one model, in both runs. */
export interface ScoreChange extends Judged {
  readonly model: string;
  readonly metric: MetricEntry;
  readonly method: string;
}

/** One explainer by a metric that has one value for all its maps, in both runs: there is no noise to tell it from. */
export interface GroupChange {
  readonly model: string;
  readonly metric: MetricEntry;
  readonly method: string;
  readonly before: number;
  readonly after: number;
}

/** What a run changed beyond noise, against an earlier one. `mean` of a change is later less earlier. */
export interface RunComparison {
  readonly scores: readonly ScoreChange[];
  readonly groups: readonly GroupChange[];
  readonly timings: readonly TimingChange[];
  /** Parts that cannot be compared, and why. */
  readonly notes: readonly string[];
}

type RunOf = Pick<RunData, 'manifest' | 'summary'>;

/**
 * Compares a run with an earlier one: scores within patients over the images of the primary stratum that both have, all
 * explainers of a metric and model as one family; times over the images that both timed.
 */
export function compareRuns(before: RunOf, after: RunOf): RunComparison {
  const notes: string[] = [];
  const sameData = before.manifest.dataset.digest === after.manifest.dataset.digest;
  if (!sameData) notes.push('the data differ: scores cannot be compared within patients');
  const pairs = sameData ? modelPairs(before, after, notes) : [];
  const scores = pairs.flatMap(pair => scoreChanges(before, after, pair));
  const groups = pairs.flatMap(pair => groupChanges(before, after, pair));
  const sameMachine = before.manifest.hardware.cpu === after.manifest.hardware.cpu;
  const timed = after.summary.timings.length > 0;
  if (timed && !sameMachine) notes.push('the runs were on other machines: times are not compared');
  const timings = sameMachine ? compareTimings(timingsOf(before), timingsOf(after)) : [];
  return { scores, groups, timings, notes };
}

interface ModelPair {
  readonly earlier: Manifest['models'][number];
  readonly later: Manifest['models'][number];
}

/** Models of the same id; of runs with one model each, these. */
function modelPairs({ manifest: a }: RunOf, { manifest: b }: RunOf, notes: string[]): ModelPair[] {
  const [first, second] = [a.models[0], b.models[0]];
  if (a.models.length === 1 && b.models.length === 1 && first && second) {
    if (first.id !== second.id) notes.push(`${second.id} is compared with ${first.id}`);
    return [{ earlier: first, later: second }];
  }
  return b.models.flatMap(later => {
    const earlier = a.models.find(m => m.id === later.id);
    if (earlier) return [{ earlier, later }];
    notes.push(`${later.id} is not in the earlier run`);
    return [];
  });
}

function scoreChanges(before: RunOf, after: RunOf, { earlier, later }: ModelPair): ScoreChange[] {
  const { smallest } = settingsOf(after.manifest);
  const samples = new Map(
    after.summary.samples
      .filter(row => row.model === later.id && row.status === 'ok' && isPrimary(after.manifest, row))
      .map(row => [row.sample, row]),
  );
  const common = new Set(
    before.summary.samples
      .filter(row => row.model === earlier.id && row.status === 'ok' && isPrimary(before.manifest, row))
      .map(row => row.sample),
  );
  const only = new Set([...samples.keys()].filter(sample => common.has(sample)));
  return after.manifest.metrics
    .filter(metric => metric.scope !== 'group' && before.manifest.metrics.some(m => same(m, metric)))
    .flatMap(metric => {
      const pairs = after.manifest.methods
        .filter(method => method.role === 'method')
        .flatMap(({ id }) => {
          const a = valuesOf(before.summary.scores, earlier.id, metric.id, id);
          const b = valuesOf(after.summary.scores, later.id, metric.id, id);
          return a && b
            ? [
                [
                  { id, values: b },
                  { id, values: a },
                ] as const,
              ]
            : [];
        });
      const rng = createRng(after.manifest.seed).fork('compare', later.id, metric.id);
      const judged = verdictsAgainst(pairs, {
        samples,
        only,
        better: metric.better,
        smallest: smallest(metric.id),
        rng,
      });
      return judged.map(({ control: _, ...verdict }) => ({ ...verdict, model: later.id, metric }));
    });
}

function groupChanges(before: RunOf, after: RunOf, { earlier, later }: ModelPair): GroupChange[] {
  const valueIn = ({ summary }: RunOf, model: string, metric: string, method: string): number | undefined =>
    summary.groups.find(r => r.model === model && r.metric === metric && r.method === method && r.status === 'ok')
      ?.value;
  return after.manifest.metrics
    .filter(metric => metric.scope === 'group' && before.manifest.metrics.some(m => same(m, metric)))
    .flatMap(metric =>
      after.manifest.methods.flatMap(({ id: method, role }) => {
        if (role !== 'method') return [];
        const a = valueIn(before, earlier.id, metric.id, method);
        const b = valueIn(after, later.id, metric.id, method);
        return a === undefined || b === undefined ? [] : [{ model: later.id, metric, method, before: a, after: b }];
      }),
    );
}

/** Metrics whose values are of one kind: the same part with the same options and baseline. */
function same(a: MetricEntry, b: MetricEntry): boolean {
  const key = ({ id, name, baseline, options }: MetricEntry) => JSON.stringify([id, name, baseline ?? null, options]);
  return key(a) === key(b);
}

function valuesOf(
  cells: readonly ScoreCell[],
  model: string,
  metric: string,
  method: string,
): ValuesByImage | undefined {
  return cells.find(c => c.model === model && c.metric === metric && c.method === method)?.values;
}

function timingsOf({ manifest: { models, methods, seed }, summary }: RunOf): Timings {
  return { models: models.map(({ id, digest }) => ({ id, digest })), methods, seed, rows: summary.timings };
}

/** Whether anything became worse or slower. */
export function regressed({ scores, timings }: RunComparison): boolean {
  return scores.some(change => change.verdict === 'worse') || timings.some(change => change.verdict === 'slower');
}
