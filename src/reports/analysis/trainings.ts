import { patientMeans } from '../../core/statistics/patients.ts';
import { acrossSeeds, holm, type SeedLevel } from '../../core/statistics/seeds.ts';
import type { ScoreCell } from '../summary/collect.ts';
import type { MethodEntry, MetricEntry, ModelAnalysis } from './analysis.ts';

/** Trainings below which nothing is said of their recipe: our choice. */
export const LEAST_TRAININGS = 5;
const ALPHA = 0.05;

/** Several trainings of one recipe: what holds of a further one, by the primary metric. */
export interface TrainingsAnalysis {
  readonly group: string;
  /** Ids, in the order of the run. */
  readonly models: readonly string[];
  readonly metric: MetricEntry;
  readonly methods: readonly { readonly method: MethodEntry; readonly level?: SeedLevel }[];
  /** Whether there are trainings enough to compare explainers. */
  readonly enough: boolean;
  /** Of which training the metric must not rank, and why. */
  readonly doNotRank?: { readonly model: string; readonly why: string };
  /** All pairs, the better mean first; empty where they are not compared. */
  readonly pairs: readonly TrainingsPair[];
}

export interface TrainingsPair {
  readonly better: string;
  readonly worse: string;
  /** Of the difference better − worse. */
  readonly level: SeedLevel;
  /** Adjusted for all pairs by Holm's rule. */
  readonly p: number;
  readonly significant: boolean;
}

/**
 * Groups of models that are trainings of one recipe. Trainings and patients are both random; an image counts where all
 * trainings have its values.
 * @param patients by image
 */
export function trainingsOf(
  models: readonly ModelAnalysis[],
  patients: ReadonlyMap<string, string>,
  cellsOf: (model: string, metric: string) => readonly ScoreCell[],
): TrainingsAnalysis[] {
  const groups = [...new Set(models.flatMap(({ model }) => model.group ?? []))];
  return groups.flatMap(group => {
    const own = models.filter(({ model }) => model.group === group);
    const [first] = own;
    const entries = own.map(model => model.metrics.find(entry => entry.metric.id === model.primaryMetric));
    if (own.length < 2 || !first || entries.some(entry => !entry)) return [];
    const { metric, methods } = entries[0]!;
    const values = own.map(({ model }) => cellsOf(model.id, metric.id));
    const level = (
      of: (cells: ReadonlyMap<string, ReadonlyMap<string, number>>, sample: string) => number | undefined,
    ) => levelOf(own, patients, values, of);
    const enough = own.length >= LEAST_TRAININGS;
    const barred = own.findIndex((_, i) => entries[i]!.doNotRank !== undefined);
    const ids = methods.map(({ method }) => method.id);
    const pairs =
      enough && barred < 0
        ? ids.flatMap((a, i) =>
            ids.slice(i + 1).flatMap(b => {
              const found = level((cells, sample) => minus(cells.get(a)?.get(sample), cells.get(b)?.get(sample)));
              return found ? [{ a, b, level: found }] : [];
            }),
          )
        : [];
    const adjusted = holm(pairs.map(pair => pair.level.p));
    return [
      {
        group,
        models: own.map(({ model }) => model.id),
        metric,
        enough,
        ...(barred < 0 ? {} : { doNotRank: { model: own[barred]!.model.id, why: entries[barred]!.doNotRank! } }),
        methods: methods.map(({ method }) => {
          const found = level((cells, sample) => cells.get(method.id)?.get(sample));
          return { method, ...(found ? { level: found } : {}) };
        }),
        pairs: pairs.map(({ a, b, level: found }, i) => {
          const aWins = found.mean > 0 === (metric.better === 'higher');
          const turned = { ...found, mean: -found.mean, low: -found.high, high: -found.low };
          return {
            better: aWins ? a : b,
            worse: aWins ? b : a,
            level: aWins ? found : turned,
            p: adjusted[i]!,
            significant: adjusted[i]! <= ALPHA,
          };
        }),
      },
    ];
  });
}

/** Explainers that no other is shown to be better than over trainings. */
export function leadersOf({ methods, pairs }: TrainingsAnalysis): string[] {
  const behind = new Set(pairs.filter(pair => pair.significant).map(pair => pair.worse));
  return methods.filter(m => m.level && !behind.has(m.method.id)).map(m => m.method.id);
}

function minus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b;
}

/** Trainings × patients of a value by image, over the primary images that all trainings have it of. */
function levelOf(
  [first, ...rest]: readonly ModelAnalysis[],
  patients: ReadonlyMap<string, string>,
  values: readonly (readonly ScoreCell[])[],
  of: (cells: ReadonlyMap<string, ReadonlyMap<string, number>>, sample: string) => number | undefined,
): SeedLevel | undefined {
  const maps = values.map(cells => new Map(cells.map(cell => [cell.method, cell.values])));
  const samples = [...(first?.primary.samples ?? [])].filter(
    sample =>
      rest.every(({ primary }) => primary.samples.has(sample)) && maps.every(cells => of(cells, sample) !== undefined),
  );
  return acrossSeeds(
    maps.map(cells =>
      patientMeans(samples.map(sample => ({ patient: patients.get(sample)!, value: of(cells, sample)! }))).map(
        p => p.value,
      ),
    ),
  );
}
