import type { MetricCategory } from '../core/contracts/index.ts';
import type { Registry } from '../core/registry.ts';
import type { Plan, PlannedMetric, PlannedRepetition, RepetitionChange } from './plan.ts';
import type { Suite } from './schema.ts';

/** Metrics of these are audited by a truth, or by controls; the others have right answers of their own. */
const REPEATED: ReadonlySet<MetricCategory> = new Set(['faithfulness', 'localisation', 'truth']);
/** Options that say how finely a metric looks, the first that it has. */
const FINENESS = ['steps', 'regions', 'segments', 'subsets', 'draws'] as const;
/** In place of the metric's own baseline the first of these that is another. */
const OTHER_BASELINES = ['blur', 'window-mean'] as const;

/**
 * The suite's metrics once more, each with one thing changed that should not matter: for a full audit, to see whether
 * the order of the explainers depends on it. Only methods are scored again, controls are not.
 */
export function repetitionsOf(
  suite: Pick<Suite, 'audit' | 'baselines'>,
  { explainers, metrics }: Pick<Plan, 'explainers' | 'metrics'>,
  registry: Registry,
): PlannedRepetition[] {
  if (suite.audit !== 'full') return [];
  const draws = explainers.some(isRepeated);
  return metrics
    .filter(({ metric }) => REPEATED.has(metric.category) && metric.rankable && metric.scope === 'map')
    .flatMap(planned => {
      const again = (change: RepetitionChange, part: Partial<PlannedMetric> = {}): PlannedRepetition => ({
        ...planned,
        ...part,
        ...{ id: `${planned.id}~${change}`, of: planned.id, change },
      });
      const other = OTHER_BASELINES.find(name => name !== planned.baseline && registry.baselines.has(name));
      const coarser = coarserOptions(planned);
      return [
        ...(planned.metric.category === 'faithfulness' ? [again('ties')] : []),
        ...(draws ? [again('seed')] : []),
        // Crossed baselines say more of this.
        ...(usesBaseline(planned) && suite.baselines === undefined && other !== undefined
          ? [again('baseline', { baseline: other })]
          : []),
        ...(coarser === undefined ? [] : [again('steps', { options: coarser })]),
      ];
    });
}

/** Whether another seed gives an explainer another map. */
export function isRepeated({ explainer }: Plan['explainers'][number]): boolean {
  return explainer.role === 'method' && explainer.draws;
}

/** Whether anything stands on the metric's baseline, with its options. */
function usesBaseline({ baseline, options }: PlannedMetric): boolean {
  const { fill = 'baseline' } = (options ?? {}) as { readonly fill?: unknown };
  return baseline !== undefined && fill === 'baseline';
}

/** Options with half as many steps, or whatever the metric has instead; undefined where there are none, or too few. */
function coarserOptions({ metric, options }: PlannedMetric): unknown {
  const given = options as Readonly<Record<string, unknown>> | null;
  const name = FINENESS.find(key => typeof given?.[key] === 'number');
  if (name === undefined || given?.pixelsPerStep !== undefined) return undefined;
  const found = metric.options.safeParse({ ...given, [name]: Math.ceil((given![name] as number) / 2) });
  return found.success ? found.data : undefined;
}
