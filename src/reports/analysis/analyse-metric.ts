import type { Rng } from '../../core/rng.ts';
import { leastPatients } from '../../core/statistics/max-t.ts';
import type { ScoreCell } from '../summary/collect.ts';
import { countOf } from '../summary/tally.ts';
import { listed } from '../text/format.ts';
import type {
  Answered,
  CellResult,
  ControlResult,
  MethodEntry,
  MethodResult,
  MetricAnalysis,
  MetricEntry,
  Stratum,
} from './analysis.ts';
import type { AnalysisSettings } from './analysis-settings.ts';
import { curveBand } from './band.ts';
import {
  FEWER_RESAMPLES,
  patientMean,
  patientSd,
  rankingOf,
  summaryOf,
  type ValuesByImage,
  verdictsAgainst,
} from './pairwise.ts';

/** Metrics whose values are hits, or shares of hits: their means are proportions. */
const HITS: ReadonlySet<string> = new Set(['pointing-game', 'lesion-hit', 'confidence-increase', 'causal-contrast']);
/** Controls that know the truth: they are to win. */
export const TRUE_CONTROLS: ReadonlySet<string> = new Set(['oracle', 'oracle-grid', 'oracle-mixed']);
const NO_VALUES: ValuesByImage = new Map();

export interface MetricAnalysisContext {
  readonly methods: readonly MethodEntry[];
  readonly settings: AnalysisSettings;
  readonly answered: Answered;
  /** How many of them are to be explained. */
  readonly explained: number;
  readonly primary: Stratum;
  readonly strata: readonly Stratum[];
  readonly same: readonly (readonly string[])[];
  readonly rng: Rng;
}

/** One metric on one model: means, verdicts and ranks of the primary stratum, means of the others. */
export function analyseMetric(
  metric: MetricEntry,
  cells: readonly ScoreCell[],
  { methods: entries, settings, answered, explained, primary, strata, same, rng }: MetricAnalysisContext,
): MetricAnalysis {
  const only = primary.samples;
  const range: [number, number] = [
    metric.range[0] ?? Number.NEGATIVE_INFINITY,
    metric.range[1] ?? Number.POSITIVE_INFINITY,
  ];
  const hits = HITS.has(metric.name);
  const found = new Map(cells.map(cell => [cell.method, cell]));
  const valued = ({ id }: MethodEntry) => ({ id, values: found.get(id)?.values ?? NO_VALUES });
  const methods = entries.filter(entry => entry.role === 'method');
  const controls = entries.filter(entry => entry.role === 'control');
  const smallest = settings.smallest(metric.id);
  const cellOf = (entry: MethodEntry): CellResult => {
    const { values } = valued(entry);
    const cell = found.get(entry.id);
    const resamples = entry.role === 'control' ? { resamples: FEWER_RESAMPLES } : {};
    const summary = summaryOf(values, answered, rng.fork('mean', entry.id), { only, range, hits, ...resamples });
    const sd = patientSd(values, answered, only);
    const others = cell?.primaryOthers ?? [];
    const all = cell?.others ?? [];
    return {
      method: entry,
      others,
      notRun: Math.max(0, only.size - (summary?.images ?? 0) - countOf(others)),
      all: { ok: values.size, others: all, notRun: Math.max(0, explained - values.size - countOf(all)) },
      passes: cell?.passes ?? { n: 0, forward: 0, backward: 0 },
      strata: strata.map(stratum =>
        summaryOf(values, answered, rng.fork('stratum', entry.id, stratum.name), {
          only: stratum.samples,
          range,
          hits,
          resamples: FEWER_RESAMPLES,
        }),
      ),
      ...(summary ? { summary } : {}),
      ...(sd === undefined ? {} : { sd }),
      ...(cell?.curve ? { curve: curveBand(cell.curve) } : {}),
    };
  };
  const pairs = methods.flatMap(method =>
    controls.flatMap(control => {
      const comparable = control.of === undefined ? !TRUE_CONTROLS.has(control.name) : control.of === method.id;
      return comparable ? [[valued(method), valued(control)] as const] : [];
    }),
  );
  const verdicts = verdictsAgainst(pairs, {
    samples: answered,
    only,
    better: metric.better,
    smallest,
    rng: rng.fork('controls'),
  });
  const results = methods.map((method): MethodResult => {
    const own = verdicts.filter(v => v.method === method.id);
    const shuffled = own.find(v => controls.some(c => c.id === v.control && c.of === method.id));
    return {
      ...cellOf(method),
      matched: metric.baseline !== undefined && metric.baseline === method.baseline,
      ...(shuffled ? { shuffled } : {}),
      controls: own.filter(v => v !== shuffled),
    };
  });
  const references = controls.map(
    (control): ControlResult => ({ ...cellOf(control), ...(control.of === undefined ? {} : { of: control.of }) }),
  );
  const ranking =
    metric.rankable === false
      ? undefined
      : rankingOf(methods.map(valued), {
          samples: answered,
          only,
          better: metric.better,
          rng: rng.fork('rank'),
          least: settings.least,
          same,
          strata,
          ...(settings.reference === undefined ? {} : { reference: settings.reference }),
        });
  const chance = chanceOf(metric, cells, answered, only);
  const doNotRank = whyNotRank(metric, results, references);
  return {
    metric,
    methods: results,
    controls: references,
    smallest,
    ...(ranking ? { ranking } : {}),
    ...(chance === undefined ? {} : { chance }),
    ...(doNotRank === undefined ? {} : { doNotRank }),
  };
}

/** The metric's own constant, or the mean over patients where it depends on the image. */
function chanceOf(
  { chance }: MetricEntry,
  cells: readonly ScoreCell[],
  answered: Answered,
  only: ReadonlySet<string>,
): number | undefined {
  if (typeof chance === 'number') return chance;
  // Chance is of the image, not of the map: any explainer's row tells it.
  const chances = new Map(cells.flatMap(cell => [...cell.chances]));
  return patientMean(chances, answered, only);
}

/** Why an order of explainers by this metric means nothing here, where that can be seen. */
function whyNotRank(
  { rankable, better }: MetricEntry,
  methods: readonly MethodResult[],
  controls: readonly ControlResult[],
): string | undefined {
  if (rankable === false) return 'it describes maps, and neither end of it is better';
  const means = methods.flatMap(m => m.summary?.mean ?? []);
  const patients = Math.max(0, ...methods.map(m => m.summary?.patients ?? 0));
  if (means.length === 0 || patients < leastPatients()) return undefined;
  const beyond = (a: number, b: number) => (better === 'higher' ? a >= b : a <= b);
  const fixed = controls.filter(c => c.of === undefined && c.summary);
  const knowing = fixed.filter(c => TRUE_CONTROLS.has(c.method.name));
  const blind = fixed.filter(c => !TRUE_CONTROLS.has(c.method.name));
  const winners = blind.filter(c => means.every(mean => beyond(c.summary!.mean, mean)));
  if (winners.length > 0) {
    return `${listed(winners.map(c => c.method.id))}, which ${winners.length === 1 ? 'knows' : 'know'} nothing of the model, ${winners.length === 1 ? 'has' : 'have'} a better mean than every explainer`;
  }
  const oracle = knowing.find(c => c.method.name === 'oracle');
  const above = oracle && blind.find(c => beyond(c.summary!.mean, oracle.summary!.mean));
  if (above) return `${above.method.id} has a better mean than the known truth`;
  const random = blind.find(c => c.method.name === 'random')?.method.id;
  const beaten = methods.some(m => m.controls.some(c => c.control === random && c.verdict === 'better'));
  return random === undefined || beaten ? undefined : 'no explainer is shown to beat a random map';
}
