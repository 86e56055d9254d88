import type { Rng } from '../../core/rng.ts';
import { type OrderAgreement, orderAgreement } from '../../core/statistics/order-agreement.ts';
import { patientMeans } from '../../core/statistics/patients.ts';
import { quantile } from '../../core/statistics/quantile.ts';
import type { Manifest } from '../../results/rows.ts';
import type { ScoreCell } from '../summary/collect.ts';
import type { Answered, MethodEntry, MetricEntry } from './analysis.ts';

type Repetition = NonNullable<Manifest['repetitions']>[number];

/** A metric against itself with one thing changed that should not matter. */
export interface Repeated {
  readonly change: Repetition['change'];
  /** What it was changed to, in words: 'blur', 'steps 50'. */
  readonly to: string;
  /** Whether explainers come in the same order; null τ: one side has no order. */
  readonly order: OrderAgreement;
  /** Explainers that have values both times. */
  readonly explainers: number;
  /** Median over images and explainers of how far a value moves, in the metric's unit. */
  readonly moved: number;
  /** Ids of the best explainer before and after, where they differ. */
  readonly best?: readonly [before: string, after: string];
}

export interface MetricStability {
  readonly metric: string;
  readonly repeated: readonly Repeated[];
}

export interface StabilityContext {
  readonly repetitions: readonly Repetition[];
  readonly methods: readonly MethodEntry[];
  readonly cells: readonly ScoreCell[];
  /** Of the repeated metrics. */
  readonly again: readonly ScoreCell[];
  readonly answered: Answered;
  readonly only: ReadonlySet<string>;
  readonly rng: Rng;
}

/** Whether the order of the explainers depends on orders of ties, seeds, the baseline or the number of steps. */
export function stabilityOf(metrics: readonly MetricEntry[], context: StabilityContext): MetricStability[] {
  return metrics.flatMap(metric => {
    const repeated = context.repetitions.flatMap(r => (r.of === metric.id ? (compared(metric, r, context) ?? []) : []));
    return repeated.length > 0 ? [{ metric: metric.id, repeated }] : [];
  });
}

function compared(metric: MetricEntry, repetition: Repetition, context: StabilityContext): Repeated | undefined {
  const { methods, cells, again, answered, only, rng } = context;
  const sign = metric.better === 'higher' ? 1 : -1;
  const moves: number[] = [];
  const twice = methods
    .filter(m => m.role === 'method')
    .flatMap(({ id }) => {
      const before = cells.find(c => c.metric === metric.id && c.method === id)?.values;
      const repeated = again.find(c => c.metric === repetition.id && c.method === id)?.values;
      // Another seed changes nothing for explainers that draw no numbers.
      const after = repeated ?? (repetition.change === 'seed' ? before : undefined);
      const common = [...(before?.keys() ?? [])].filter(sample => only.has(sample) && after?.has(sample));
      if (!before || !after || common.length === 0) return [];
      if (repeated) for (const sample of common) moves.push(Math.abs(after.get(sample)! - before.get(sample)!));
      const byPatient = (values: ReadonlyMap<string, number>) =>
        new Map(
          patientMeans(
            common.map(sample => ({
              patient: answered.get(sample)?.patient ?? sample,
              value: sign * values.get(sample)!,
            })),
          ).map(({ patient, value }) => [patient, value]),
        );
      return [{ id, a: byPatient(before), b: byPatient(after) }];
    });
  if (moves.length === 0) return undefined;
  const order = orderAgreement(twice, rng.fork('stability', repetition.id));
  const [before, after] = [bestOf(twice, 'a'), bestOf(twice, 'b')];
  return {
    change: repetition.change,
    to: changedTo(metric, repetition),
    order,
    explainers: twice.length,
    moved: quantile(moves, 0.5),
    ...(twice.length > 1 && before !== after ? { best: [before, after] as const } : {}),
  };
}

interface Twice {
  readonly id: string;
  readonly a: ReadonlyMap<string, number>;
  readonly b: ReadonlyMap<string, number>;
}

/** The explainer with the highest mean over patients. */
function bestOf(twice: readonly Twice[], side: 'a' | 'b'): string {
  const mean = (values: ReadonlyMap<string, number>) => [...values.values()].reduce((s, v) => s + v, 0) / values.size;
  return twice.reduce((best, e) => (mean(e[side]) > mean(best[side]) ? e : best)).id;
}

function changedTo(metric: MetricEntry, { change, baseline, options }: Repetition): string {
  switch (change) {
    case 'ties':
      return 'other orders of ties and draws';
    case 'seed':
      return 'another seed of the explainer';
    case 'baseline':
      return `baseline ${baseline}`;
    case 'steps': {
      const [was, is] = [metric.options, options] as Readonly<Record<string, unknown>>[];
      const name = Object.keys(is ?? {}).find(key => is![key] !== was?.[key]);
      return name === undefined ? 'fewer steps' : `${name} ${is![name]}`;
    }
  }
}
