import { ORDER_FROM } from '../../core/statistics/max-t.ts';
import { patientMeans } from '../../core/statistics/patients.ts';
import type { BudgetRow, Manifest, Passes } from '../../results/rows.ts';
import { createTally, type Tally } from '../summary/tally.ts';
import type { MethodEntry, MetricEntry } from './analysis.ts';

/** A mean over patients with the least and the largest of them: too few, as a rule, for an interval. */
export interface DrawSpread {
  readonly mean: number;
  readonly least: number;
  readonly largest: number;
  readonly patients: number;
  readonly images: number;
}

/** One method at one budget. */
export interface BudgetPoint {
  readonly method: MethodEntry;
  /** Absent: what it costs is not a choice. */
  readonly budget?: number;
  /** Explanations with a map; the rest are in `others`. */
  readonly images: number;
  readonly others: Tally;
  /** Means over images; `total` adds both. */
  readonly passes: Passes & { readonly total: number };
  /** Mean over images, each once: what a minute is enough for follows from it. */
  readonly wallMs: number;
  /** By metric, over the images that all points of the metric have a value for. */
  readonly values: ReadonlyMap<string, DrawSpread>;
  /** Rank correlation of maps with themselves. */
  readonly self?: DrawSpread & { readonly with: 'seed' | 'largest' };
}

/** Where a series of budgets comes to rest: the budget, null where it has not before the largest. */
export interface Rest {
  readonly budget: number | null;
}

export interface BudgetMetric {
  readonly metric: MetricEntry;
  /** Images that every point has a value for, and those that were tried. */
  readonly common: number;
  readonly tried: number;
  /** Points that no other beats in quality at the same cost or less, from the cheapest; none of too few patients. */
  readonly fronts: { readonly passes: readonly BudgetPoint[]; readonly time: readonly BudgetPoint[] };
  /** Methods at the largest budget, best first; none of too few patients. */
  readonly order: readonly string[];
  /** From which budget on the order is that of the largest; absent where there is nothing to order. */
  readonly settled?: Rest;
}

export interface BudgetAnalysis {
  /** Ascending. */
  readonly budgets: readonly number[];
  readonly images: number;
  readonly patients: number;
  /** By method, then ascending; with at least one map. */
  readonly points: readonly BudgetPoint[];
  /** Points without any map, with their reasons. */
  readonly empty: readonly BudgetPoint[];
  readonly metrics: readonly BudgetMetric[];
  /** From which budget on a method's maps correlate with themselves by at least `SETTLED`. */
  readonly settled: readonly { readonly method: MethodEntry; readonly with: 'seed' | 'largest'; readonly at: Rest }[];
}

/** Mean rank correlation from which on a map counts as no longer moving. */
export const SETTLED = 0.95;

type Category = MetricEntry['category'];
/** What a map's quality is told by here. */
const QUALITIES: readonly Category[] = ['faithfulness', 'localisation'];

/** Cost against quality of one model; undefined where no budgets were tried. */
export function analyseBudgets(manifest: Manifest, rows: readonly BudgetRow[]): BudgetAnalysis | undefined {
  if (rows.length === 0) return undefined;
  const budgets = [...new Set(rows.flatMap(row => row.budget ?? []))].sort((a, b) => a - b);
  const entries = manifest.metrics.filter(metric => QUALITIES.includes(metric.category));
  const groups = manifest.methods.flatMap(method =>
    [undefined, ...budgets].flatMap(budget => {
      const own = rows.filter(row => row.method === method.id && row.budget === budget);
      return own.length > 0 ? [{ method, budget, rows: own }] : [];
    }),
  );
  const images = new Set(rows.map(row => row.sample));
  const common = new Map(entries.map(({ id }) => [id, commonImages(groups, id, images)]));
  const all = groups.map(group => pointOf(group, common));
  const points = all.filter(point => point.images > 0);
  return {
    budgets,
    images: images.size,
    patients: new Set(rows.map(row => row.patient)).size,
    points,
    empty: all.filter(point => point.images === 0),
    metrics: entries.map(metric => metricOf(metric, points, budgets, common.get(metric.id)!.size, images.size)),
    settled: manifest.methods.flatMap(method => {
      const own = points.filter(p => p.method.id === method.id && p.budget !== undefined && p.self);
      if (own.length === 0) return [];
      return [{ method, with: own[0]!.self!.with, at: restOf(own, p => p.self!.mean >= SETTLED) }];
    }),
  };
}

interface Group {
  readonly method: MethodEntry;
  readonly budget: number | undefined;
  readonly rows: readonly BudgetRow[];
}

/** Images with a value in every group that has values at all: only these compare like with like. */
function commonImages(groups: readonly Group[], metric: string, images: ReadonlySet<string>): ReadonlySet<string> {
  let common = [...images];
  for (const { rows } of groups) {
    const having = new Set(rows.filter(row => row.values?.[metric] !== undefined).map(row => row.sample));
    if (having.size > 0) common = common.filter(image => having.has(image));
  }
  return new Set(common);
}

function pointOf({ method, budget, rows }: Group, common: ReadonlyMap<string, ReadonlySet<string>>): BudgetPoint {
  const ok = rows.filter(row => row.status === 'ok');
  const others = createTally();
  for (const row of rows) if (row.status !== 'ok') others.add(row.status, row.reason);
  const values = new Map<string, DrawSpread>();
  for (const [metric, images] of common) {
    const found = spreadOf(
      ok.filter(row => images.has(row.sample)),
      row => row.values?.[metric],
    );
    if (found) values.set(metric, found);
  }
  const self = spreadOf(ok, row => row.self?.correlation);
  const kind = ok.find(row => row.self)?.self?.with;
  const mean = (pick: (row: BudgetRow) => number) => ok.reduce((n, row) => n + pick(row), 0) / Math.max(1, ok.length);
  const [forward, backward] = [mean(row => row.passes?.forward ?? 0), mean(row => row.passes?.backward ?? 0)];
  const walls = ok.flatMap(row => row.wallMs ?? []);
  return {
    method,
    ...(budget === undefined ? {} : { budget }),
    images: ok.length,
    others: others.finish(),
    passes: { forward, backward, total: forward + backward },
    wallMs: walls.length > 0 ? walls.reduce((a, b) => a + b, 0) / walls.length : 0,
    values,
    ...(self && kind ? { self: { ...self, with: kind } } : {}),
  };
}

function spreadOf(rows: readonly BudgetRow[], pick: (row: BudgetRow) => number | undefined): DrawSpread | undefined {
  const found = rows.flatMap(row => {
    const value = pick(row);
    return value === undefined ? [] : [{ patient: row.patient, value }];
  });
  if (found.length === 0) return undefined;
  const means = patientMeans(found).map(p => p.value);
  return {
    mean: means.reduce((a, b) => a + b, 0) / means.length,
    least: Math.min(...means),
    largest: Math.max(...means),
    patients: means.length,
    images: found.length,
  };
}

function metricOf(
  metric: MetricEntry,
  points: readonly BudgetPoint[],
  budgets: readonly number[],
  common: number,
  tried: number,
): BudgetMetric {
  // Of a handful of patients any order, and any front, is as good as another.
  const patients = Math.max(0, ...points.map(p => p.values.get(metric.id)?.patients ?? 0));
  const valued = patients < ORDER_FROM ? [] : points.filter(p => p.values.has(metric.id));
  const sign = metric.better === 'higher' ? 1 : -1;
  const quality = (p: BudgetPoint) => sign * p.values.get(metric.id)!.mean;
  const orderAt = (budget: number) =>
    valued
      .filter(p => p.budget === undefined || p.budget === budget)
      .sort((a, b) => quality(b) - quality(a) || (a.method.id < b.method.id ? -1 : 1))
      .map(p => p.method.id);
  const orders = budgets.map(budget => ({ budget, order: orderAt(budget) }));
  const order = orders.at(-1)?.order ?? [];
  return {
    metric,
    common,
    tried,
    fronts: {
      passes: paretoFront(valued, p => p.passes.total, quality),
      time: paretoFront(valued, p => p.wallMs, quality),
    },
    order,
    ...(order.length > 1 && budgets.length > 1
      ? { settled: restOf(orders.slice(0, -1), o => o.order.join('\n') === order.join('\n')) }
      : {}),
  };
}

/** The first of the trailing steps that all hold. */
function restOf<T extends { readonly budget?: number }>(steps: readonly T[], holds: (step: T) => boolean): Rest {
  let budget: number | null = null;
  for (const step of [...steps].reverse()) {
    if (!holds(step)) break;
    budget = step.budget ?? null;
  }
  return { budget };
}

/** Items of which no other costs as little or less and is as good or better (and differs in one of both). */
export function paretoFront<T>(items: readonly T[], cost: (item: T) => number, quality: (item: T) => number): T[] {
  const front: T[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const item of [...items].sort((a, b) => cost(a) - cost(b) || quality(b) - quality(a))) {
    if (quality(item) > best) front.push(item);
    best = Math.max(best, quality(item));
  }
  return front;
}
