import type { Status } from '../core/contracts.ts';
import type { PatientValue } from '../core/statistics/patients.ts';
import { summarise } from '../core/statistics/summary.ts';
import type { Manifest, Row, ScoreRow } from './rows.ts';

const HEADER = [
  'model',
  'method',
  'role',
  'metric',
  'baseline',
  'better',
  'patients',
  'images',
  'mean',
  'ci95_low',
  'ci95_high',
  'ci_method',
  'undefined',
  'skipped',
  'failed',
  'note',
] as const;

interface Cell {
  readonly first: ScoreRow;
  readonly counts: Record<Status, number>;
  readonly values: PatientValue[];
}

type Line = (string | number | undefined)[];

/**
 * One line per model, metric and method: the mean over patients of the patients' means, its interval (resampling
 * patients; empty where there is none, for the reason in `note`), and how many images have no value.
 * Rows come in plan order. Memory: a number per score.
 */
export async function summaryTable(
  manifest: Manifest,
  rows: AsyncIterable<Row>,
): Promise<{ header: readonly string[]; lines: Line[] }> {
  const cells = new Map<string, Cell>();
  let patient: string | undefined;
  for await (const row of rows) {
    if (row.kind === 'sample') patient = row.patient;
    if (row.kind !== 'score') continue;
    const key = JSON.stringify([row.model, row.method, row.metric]);
    const counts = { ok: 0, undefined: 0, skipped: 0, failed: 0 };
    const cell = cells.get(key) ?? { first: row, counts, values: [] };
    cells.set(key, cell);
    cell.counts[row.status]++;
    if (row.status === 'ok' && row.value !== undefined) {
      cell.values.push({ patient: patient ?? row.sample, value: row.value });
    }
  }
  const lines = [...cells.values()].map(cell => lineOf(cell, manifest));
  return { header: HEADER, lines: lines.sort(planOrder(manifest)) };
}

function lineOf({ first, counts, values }: Cell, manifest: Manifest): Line {
  const method = manifest.methods.find(m => m.id === first.method);
  const metric = manifest.metrics.find(m => m.id === first.metric);
  const [low, high] = metric?.range ?? [null, null];
  const range = [low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY] as const;
  const summary = values.length > 0 ? summarise(values, { range }) : undefined;
  return [
    first.model,
    first.method,
    method?.role,
    first.metric,
    metric?.baseline,
    metric?.better,
    summary?.patients ?? 0,
    counts.ok,
    summary?.mean,
    summary?.low ?? undefined,
    summary?.high ?? undefined,
    summary?.method ?? undefined,
    counts.undefined,
    counts.skipped,
    counts.failed,
    summary?.note,
  ];
}

/** By model, then metric, then method, as in the manifest: a metric's lines stand together. */
function planOrder({ models, methods, metrics }: Manifest): (a: Line, b: Line) => number {
  const [model, method, metric] = [models, methods, metrics].map(
    parts => new Map<unknown, number>(parts.map(({ id }, i) => [id, i])),
  );
  const rank = (ranks: Map<unknown, number> | undefined, id: unknown) => ranks?.get(id) ?? Number.MAX_SAFE_INTEGER;
  return (a, b) =>
    rank(model, a[0]) - rank(model, b[0]) ||
    rank(metric, a[3]) - rank(metric, b[3]) ||
    rank(method, a[1]) - rank(method, b[1]);
}
