import { createRng } from '../../core/rng.ts';
import type { Manifest, Passes } from '../../results/rows.ts';
import type { RunSummary, ScoreCell } from '../summary/collect.ts';
import { isExplained, positiveOf } from '../summary/primary.ts';
import type { RunData } from '../summary/run-data.ts';
import { createTally } from '../summary/tally.ts';
import { listed } from '../text/format.ts';
import { agreementOf } from './agreement.ts';
import { analyseMetric } from './analyse-metric.ts';
import type { Analysis, GroupAnalysis, MetricEntry, ModelAnalysis, ModelEntry } from './analysis.ts';
import { type AnalysisSettings, settingsOf } from './analysis-settings.ts';
import { auditOf } from './audit.ts';
import { stabilityOf } from './audit-stability.ts';
import { crossesOf } from './baseline-cross.ts';
import { analyseBudgets } from './budget-analysis.ts';
import { classifierOf } from './classifier.ts';
import { findingsOf } from './findings.ts';
import { strataOf } from './outcome-strata.ts';
import { errorsOf } from './regression.ts';
import { trainingsOf } from './trainings.ts';
import { truthAnalysisOf } from './truth.ts';

/** All numbers of a report. The same run gives the same numbers: random streams start from the run's seed. */
export function analyse({ manifest, summary, same }: Pick<RunData, 'manifest' | 'summary' | 'same'>): Analysis {
  const settings = settingsOf(manifest);
  const models = manifest.models.map(model =>
    analyseModel({ manifest, summary, model, settings, same: same?.get(model.id) ?? [] }),
  );
  const trainings = trainingsOf(
    models,
    new Map(summary.samples.map(row => [row.sample, row.patient])),
    cellsOf(manifest, summary, settings),
  );
  return { settings, models, trainings, findings: findingsOf(manifest, models, trainings) };
}

interface ModelContext {
  readonly manifest: Manifest;
  readonly summary: RunSummary;
  readonly model: ModelEntry;
  readonly settings: AnalysisSettings;
  readonly same: readonly (readonly string[])[];
}

function analyseModel({ manifest, summary, model, settings, same }: ModelContext): ModelAnalysis {
  const rng = createRng(manifest.seed).fork('report', model.id);
  const rows = summary.samples.filter(row => row.model === model.id);
  const answered = new Map(rows.filter(row => row.status === 'ok').map(row => [row.sample, row]));
  const explained = [...answered.values()].filter(row => isExplained(manifest, row)).length;
  const others = createTally();
  for (const row of rows) others.add(row.status, row.reason);
  const {
    primary,
    audit,
    others: strata,
  } = strataOf(manifest, model, answered, settings.strata, summary.truths?.get(model.id));
  const cells = summary.scores.filter(cell => cell.model === model.id);
  const positiveIndex = model.classes.indexOf(positiveOf(model));
  const isRegression = model.task === 'regression';
  const classifier = isRegression
    ? undefined
    : classifierOf([...answered.values()], model, positiveIndex, rng.fork('performance'));
  const errors = isRegression ? errorsOf([...answered.values()], rng.fork('performance')) : undefined;
  const tried = analyseBudgets(
    manifest,
    summary.budgets.filter(row => row.model === model.id),
  );
  const { metrics, mean } = metricsOf(manifest, settings);
  const primaryMetric = mean?.id ?? settings.primary[0];
  const analysed = metrics.map(metric => {
    const own = metric === mean ? meanCells(mean, settings.primary, cells) : cells.filter(c => c.metric === metric.id);
    const { methods } = manifest;
    const at = rng.fork('metric', metric.id);
    return analyseMetric(metric, own, { methods, settings, answered, explained, primary, strata, same, rng: at });
  });
  const truth = truthAnalysisOf({ manifest, summary, model, answered, primary, rng: rng.fork('truth') });
  const audited = analysed.filter(({ metric }) => metric !== mean);
  const { methods } = manifest;
  const auditedOn = (audit.samples.size > 0 ? audit : primary).samples;
  return {
    model,
    images: rows.length,
    answered: answered.size,
    explained,
    patients: new Set(rows.map(row => row.patient)).size,
    others: others.finish(),
    ...(classifier ? { performance: classifier.byImage, classifier } : {}),
    ...(errors ? { errors } : {}),
    positive: positiveOf(model),
    primary,
    strata,
    metrics: analysed,
    audit: auditOf(audited, {
      methods,
      cells,
      answered,
      only: auditedOn,
      disjoint: audit.samples.size > 0,
      incomplete: truth?.incomplete ?? false,
      earlier: new Map(Object.entries(model.audits ?? {})),
      rng: rng.fork('audit'),
    }),
    stability: stabilityOf(
      audited.map(({ metric }) => metric),
      {
        ...{ repetitions: manifest.repetitions ?? [], methods, cells, answered, only: auditedOn },
        again: summary.repeated?.filter(cell => cell.model === model.id) ?? [],
        rng: rng.fork('audit'),
      },
    ),
    ...(primaryMetric === undefined ? {} : { primaryMetric }),
    ...(truth ? { truth } : {}),
    groups: groupsOf(manifest, summary, model.id),
    agreement: agreementOf(
      metrics,
      manifest.methods.filter(m => m.role === 'method').map(m => m.id),
      mean ? [...cells, ...meanCells(mean, settings.primary, cells)] : cells,
      primary,
      answered,
      primaryMetric,
    ),
    crosses: crossesOf(
      metrics.filter(metric => metric.rankable !== false),
      { methods, cells, only: primary, answered, rng: rng.fork('baselines') },
    ),
    same,
    maps: summary.maps.filter(cell => cell.model === model.id),
    timings: summary.timings.filter(row => row.model === model.id),
    scoring: {
      asked: sumOf(cells.map(({ passes: p }) => ({ forward: p.n * p.forward, backward: p.n * p.backward }))),
      saved: sumOf(cells.map(cell => cell.saved)),
    },
    ...(tried ? { budgets: tried } : {}),
  };
}

/** Metrics over single maps; after them the mean of several, where that is the primary metric. */
function metricsOf(
  { metrics }: Manifest,
  { primary }: AnalysisSettings,
): { readonly metrics: readonly MetricEntry[]; readonly mean?: MetricEntry } {
  const own = metrics.filter(metric => metric.scope !== 'group');
  const parts = own.filter(metric => primary.includes(metric.id));
  const [first] = parts;
  if (primary.length < 2 || !first) return { metrics: own };
  const mean: MetricEntry = {
    ...first,
    id: `mean(${primary.join(', ')})`,
    name: `mean of ${first.name}`,
    title: `Mean of ${listed(parts.map(metric => metric.id))}`,
    cite: '',
    options: { of: primary },
  };
  const { baseline: _, ...free } = mean;
  return { metrics: [...own, free], mean: free };
}

/** Values of a metric on a model by explainer and image; of the mean of several as well. */
function cellsOf(manifest: Manifest, { scores }: RunSummary, settings: AnalysisSettings) {
  const { mean } = metricsOf(manifest, settings);
  return (model: string, metric: string): readonly ScoreCell[] => {
    const own = scores.filter(cell => cell.model === model);
    return mean?.id === metric ? meanCells(mean, settings.primary, own) : own.filter(cell => cell.metric === metric);
  };
}

/** The mean over several metrics of each image's values; images that lack one are left out. */
function meanCells(mean: MetricEntry, of: readonly string[], cells: readonly ScoreCell[]): ScoreCell[] {
  const parts = cells.filter(cell => of.includes(cell.metric));
  return [...new Set(parts.map(cell => cell.method))].map(method => {
    const own = parts.filter(cell => cell.method === method);
    const over = (pick: (cell: ScoreCell) => ReadonlyMap<string, number>): Map<string, number> => {
      const [first, ...rest] = own.map(pick);
      if (own.length < of.length || !first) return new Map();
      const common = [...first].filter(([sample]) => rest.every(values => values.has(sample)));
      return new Map(
        common.map(([sample, v]) => [sample, rest.reduce((sum, values) => sum + values.get(sample)!, v) / own.length]),
      );
    };
    const [first] = own as [ScoreCell, ...ScoreCell[]];
    const { curve: _, ...cell } = first;
    return { ...cell, metric: mean.id, values: over(c => c.values), chances: over(c => c.chances) };
  });
}

function groupsOf({ metrics, methods }: Manifest, summary: RunSummary, model: string): GroupAnalysis[] {
  const own = summary.groups.filter(row => row.model === model);
  return metrics
    .filter(metric => metric.scope === 'group')
    .map(metric => ({
      metric,
      rows: methods.map(method => {
        const row = own.find(r => r.metric === metric.id && r.method === method.id);
        return { method, ...(row ? { row } : {}) };
      }),
    }));
}

function sumOf(passes: readonly Passes[]): Passes {
  return {
    forward: passes.reduce((n, p) => n + p.forward, 0),
    backward: passes.reduce((n, p) => n + p.backward, 0),
  };
}
