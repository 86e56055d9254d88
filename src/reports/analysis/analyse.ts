import { createRng, type Rng } from '../../core/rng.ts';
import { type Performance, performance } from '../../core/statistics/performance.ts';
import type { Manifest, Passes, SampleRow } from '../../results/rows.ts';
import type { RunSummary, ScoreCell } from '../summary/collect.ts';
import type { RunData } from '../summary/run-data.ts';
import { countOf, createTally } from '../summary/tally.ts';
import type {
  Analysis,
  Answered,
  CellResult,
  MethodEntry,
  MethodResult,
  MetricAnalysis,
  MetricEntry,
  ModelAnalysis,
  ModelEntry,
  Stratum,
} from './analysis.ts';
import { curveBand } from './band.ts';
import { analyseBudgets } from './budget-analysis.ts';
import { findingsOf } from './findings.ts';
import { differenceOf, FEWER_RESAMPLES, patientSd, rankingOf, summaryOf } from './pairwise.ts';

/** All numbers of a report. The same run gives the same numbers: random streams start from the run's seed. */
export function analyse({ manifest, summary }: Pick<RunData, 'manifest' | 'summary'>): Analysis {
  const models = manifest.models.map(model => analyseModel(manifest, summary, model));
  return { models, findings: findingsOf(manifest, models) };
}

function analyseModel(manifest: Manifest, summary: RunSummary, model: ModelEntry): ModelAnalysis {
  const rng = createRng(manifest.seed).fork('report', model.id);
  const rows = summary.samples.filter(row => row.model === model.id);
  const answered = new Map(rows.filter(row => row.status === 'ok').map(row => [row.sample, row]));
  const others = createTally();
  for (const row of rows) others.add(row.status, row.reason);
  const strata = strataOf(answered, model.classes);
  const cells = summary.scores.filter(cell => cell.model === model.id);
  const measured = performanceOf([...answered.values()], model.classes, rng.fork('performance'));
  const tried = analyseBudgets(
    manifest,
    summary.budgets.filter(row => row.model === model.id),
  );
  return {
    model,
    images: rows.length,
    answered: answered.size,
    patients: new Set(rows.map(row => row.patient)).size,
    others: others.finish(),
    ...(measured ? { performance: measured } : {}),
    metrics: manifest.metrics
      .filter(metric => metric.scope !== 'group')
      .map(metric =>
        analyseMetric(
          manifest.methods,
          metric,
          cells.filter(cell => cell.metric === metric.id),
          answered,
          strata,
          rng.fork('metric', metric.id),
        ),
      ),
    groups: manifest.metrics
      .filter(metric => metric.scope === 'group')
      .map(metric => ({
        metric,
        rows: manifest.methods.map(method => {
          const row = summary.groups.find(
            r => r.model === model.id && r.metric === metric.id && r.method === method.id,
          );
          return { method, ...(row ? { row } : {}) };
        }),
      })),
    maps: summary.maps.filter(cell => cell.model === model.id),
    timings: summary.timings.filter(row => row.model === model.id),
    scoring: {
      asked: sumOf(cells.map(({ passes: p }) => ({ forward: p.n * p.forward, backward: p.n * p.backward }))),
      saved: sumOf(cells.map(cell => cell.saved)),
    },
    ...(tried ? { budgets: tried } : {}),
    strata,
  };
}

function sumOf(passes: readonly Passes[]): Passes {
  return {
    forward: passes.reduce((n, p) => n + p.forward, 0),
    backward: passes.reduce((n, p) => n + p.backward, 0),
  };
}

function analyseMetric(
  entries: readonly MethodEntry[],
  metric: MetricEntry,
  cells: readonly ScoreCell[],
  answered: Answered,
  strata: readonly Stratum[],
  rng: Rng,
): MetricAnalysis {
  const range: [number, number] = [
    metric.range[0] ?? Number.NEGATIVE_INFINITY,
    metric.range[1] ?? Number.POSITIVE_INFINITY,
  ];
  const width = range[1] - range[0];
  const found = new Map(cells.map(cell => [cell.method, cell]));
  const valuesOf = (method: string) => found.get(method)?.values ?? new Map<string, number>();
  const methods = entries.filter(entry => entry.role === 'method');
  const controls = entries.filter(entry => entry.role === 'control');
  const base = (method: MethodEntry): CellResult =>
    cellResult(method, found.get(method.id), answered, range, rng.fork('mean', method.id));
  const against = (method: MethodEntry, control: MethodEntry) =>
    differenceOf(
      valuesOf(method.id),
      { id: control.id, values: valuesOf(control.id) },
      answered,
      metric.better,
      rng.fork('difference', method.id, control.id),
      { range: [-width, width], ...(control.of === undefined ? { resamples: FEWER_RESAMPLES } : {}) },
    );
  const ranking = rankingOf(
    methods.map(({ id }) => ({ id, values: valuesOf(id) })),
    answered,
    metric.better,
    rng.fork('rank'),
  );
  const chances = cells.flatMap(cell => cell.details.get('chance') ?? []);
  const chance = chances.find(entry => entry.n === Math.max(...chances.map(c => c.n)))?.mean;
  return {
    metric,
    methods: methods.map((method): MethodResult => {
      const own = controls.find(control => control.of === method.id);
      const shuffled = own && against(method, own);
      return {
        ...base(method),
        matched: metric.baseline !== undefined && metric.baseline === method.baseline,
        ...(shuffled ? { shuffled } : {}),
        controls: controls.filter(c => c.of === undefined).flatMap(control => against(method, control) ?? []),
        strata: strata.map(({ name, samples: only }) =>
          summaryOf(valuesOf(method.id), answered, rng.fork('stratum', method.id, name), {
            only,
            range,
            resamples: FEWER_RESAMPLES,
          }),
        ),
      };
    }),
    controls: controls.map(control => ({ ...base(control), ...(control.of === undefined ? {} : { of: control.of }) })),
    ...(ranking ? { ranking } : {}),
    ...(chance === undefined ? {} : { chance }),
  };
}

function cellResult(
  method: MethodEntry,
  cell: ScoreCell | undefined,
  answered: Answered,
  range: readonly [number, number],
  rng: Rng,
): CellResult {
  const values = cell?.values ?? new Map<string, number>();
  const others = cell?.others ?? [];
  const summary = summaryOf(values, answered, rng, {
    range,
    ...(method.role === 'control' ? { resamples: FEWER_RESAMPLES } : {}),
  });
  const sd = patientSd(values, answered);
  return {
    method,
    others,
    notRun: Math.max(0, answered.size - values.size - countOf(others)),
    details: cell?.details ?? new Map(),
    passes: cell?.passes ?? { n: 0, forward: 0, backward: 0 },
    ...(summary ? { summary } : {}),
    ...(sd === undefined ? {} : { sd }),
    ...(cell?.curve ? { curve: curveBand(cell.curve) } : {}),
  };
}

/** Over the images with a label that is one of the classes and usable probabilities. */
function performanceOf(rows: readonly SampleRow[], classes: readonly string[], rng: Rng): Performance | undefined {
  const classified = rows.flatMap(({ label, probabilities, patient }) => {
    const index = label === undefined ? -1 : classes.indexOf(label);
    const usable = probabilities?.length === classes.length && probabilities.every(p => p >= 0 && p <= 1 + 1e-6);
    return index >= 0 && usable && classes.length > 1 ? [{ label: index, probabilities, patient }] : [];
  });
  return classified.length === 0 ? undefined : performance(classified, { rng });
}

/** Classes from the last to the first (the positive one first, as a rule), recognised before missed. */
function strataOf(answered: Answered, classes: readonly string[]): Stratum[] {
  return [...classes].reverse().flatMap(name =>
    ['recognised', 'missed'].flatMap(outcome => {
      const rows = [...answered.values()].filter(
        row => row.label === name && (row.predicted === name) === (outcome === 'recognised'),
      );
      if (rows.length === 0) return [];
      const samples = new Set(rows.map(row => row.sample));
      return [{ name: `${name}, ${outcome}`, samples, patients: new Set(rows.map(row => row.patient)).size }];
    }),
  );
}
