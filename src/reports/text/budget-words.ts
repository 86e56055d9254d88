import { ORDER_FROM } from '../../core/statistics/max-t.ts';
import type { MethodEntry } from '../analysis/analysis.ts';
import type { BudgetAnalysis, BudgetMetric, BudgetPoint, DrawSpread } from '../analysis/budget-analysis.ts';
import { countOf } from '../summary/tally.ts';
import { compact, fixed, group, listed } from './format.ts';

export function budgetsAbout(): string {
  return (
    'Explainers that draw samples were run with several numbers of passes, the others as they are, on the images that were ' +
    'timed. These are few: the charts show what costs ten times as much, not who wins by little.'
  );
}

export function budgetsNote(): string {
  return (
    'Passes: forward and backward, as the method asked for them. Wall time: one explanation of each image, warmed up, ' +
    'alone on the machine. A minute: explanations that it is enough for, one after the other.'
  );
}

/** 'lime at 200', 'grad-cam'. */
export function pointName({ method, budget }: BudgetPoint): string {
  return budget === undefined ? method.id : `${method.id} at ${group(budget)}`;
}

/** 'grad-cam; occlusion at 50, 100 and 200': methods from the cheapest. */
export function frontText(front: readonly BudgetPoint[]): string {
  const budgets = new Map<string, string[]>();
  for (const { method, budget } of front) {
    budgets.set(method.id, [...(budgets.get(method.id) ?? []), ...(budget === undefined ? [] : [group(budget)])]);
  }
  const parts = [...budgets].map(([id, at]) => (at.length === 0 ? id : `${id} at ${listed(at)}`));
  return parts.join('; ') || `none, since a front needs ${ORDER_FROM} patients`;
}

/** From which budget on the methods' order is that of the largest. */
export function rankingRest({ settled, order }: BudgetMetric): string {
  if (!settled) return '';
  const best = `Order at the largest budget: ${order.join(', ')}; `;
  return settled.budget === null
    ? `${best}no smaller budget gives it.`
    : `${best}the same from ${group(settled.budget)} passes on.`;
}

export function pointColumns({ metrics }: BudgetAnalysis): string[] {
  return [
    'Method',
    'Budget',
    'Forward',
    'Backward',
    'Mean, ms',
    'A minute',
    'Images',
    ...metrics.map(({ metric }) => `${metric.title} ${metric.better === 'higher' ? '↑' : '↓'}`),
  ];
}

export function pointCells(point: BudgetPoint, { metrics }: BudgetAnalysis): string[] {
  const { method, budget, passes, wallMs, images, others, values } = point;
  if (images === 0) {
    const why = others[0];
    const said = why ? `${why.status}: ${why.reason}` : 'not run';
    return [method.id, budget === undefined ? '–' : group(budget), '–', '–', '–', '–', said, ...metrics.map(() => '–')];
  }
  const lost = countOf(others);
  return [
    method.id,
    budget === undefined ? 'its own' : group(budget),
    compact(passes.forward),
    compact(passes.backward),
    compact(wallMs),
    wallMs > 0 ? compact(60_000 / wallMs) : '–',
    lost > 0 ? `${images}, ${lost} without a map` : String(images),
    ...metrics.map(({ metric }) => spreadText(values.get(metric.id), 2)),
  ];
}

/** '0.81 (0.72 to 0.90)'; without a spread for one patient. */
export function spreadText(spread: DrawSpread | undefined, decimals: number): string {
  if (!spread) return '–';
  const mean = fixed(spread.mean, decimals);
  if (spread.patients < 2) return mean;
  return `${mean} (${fixed(spread.least, decimals)} to ${fixed(spread.largest, decimals)})`;
}

/** A row per method with a choice of passes: what it is correlated with, where it is at rest, and each budget. */
export function settledRows(analysis: BudgetAnalysis): {
  readonly head: readonly string[];
  readonly rows: readonly { readonly method: MethodEntry; readonly cells: readonly string[] }[];
} {
  const { budgets, settled, points } = analysis;
  return {
    head: ['Method', 'Correlated with', 'At rest from', 'Patients', ...budgets.map(b => `at ${group(b)}`)],
    rows: settled.map(({ method, with: other, at }) => {
      const own = budgets.map(b => points.find(p => p.method.id === method.id && p.budget === b)?.self);
      const patients = Math.max(...own.map(self => self?.patients ?? 0));
      const last = other === 'largest' ? budgets.at(-2) : budgets.at(-1);
      return {
        method,
        cells: [
          other === 'seed' ? 'another seed' : 'its largest budget',
          at.budget === null ? `not by ${group(last ?? 0)}` : group(at.budget),
          String(patients),
          ...own.map((self, i) => (other === 'largest' && i === budgets.length - 1 ? 'itself' : spreadText(self, 2))),
        ],
      };
    }),
  };
}
