import type { Status } from '../core/contracts.ts';
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
  'sd',
  'undefined',
  'skipped',
  'failed',
] as const;

interface Cell {
  readonly first: ScoreRow;
  readonly counts: Record<Status, number>;
  /** Sum and number of values, by patient. */
  readonly patients: Map<string, [sum: number, n: number]>;
}

type Line = (string | number | undefined)[];

/**
 * One line per model, method and metric: the mean over patients of the patients' means, their standard deviation
 * (n − 1; empty for one patient), and how many images have no value. Rows come in plan order.
 */
export async function summarise(
  manifest: Manifest,
  rows: AsyncIterable<Row>,
): Promise<{ header: readonly string[]; lines: Line[] }> {
  const cells = new Map<string, Cell>();
  let patient: string | undefined;
  for await (const row of rows) {
    if (row.kind === 'sample') patient = row.patient;
    if (row.kind !== 'score') continue;
    const key = JSON.stringify([row.model, row.method, row.metric]);
    const cell = cells.get(key) ?? {
      first: row,
      counts: { ok: 0, undefined: 0, skipped: 0, failed: 0 },
      patients: new Map<string, [number, number]>(),
    };
    cells.set(key, cell);
    cell.counts[row.status]++;
    if (row.status !== 'ok' || row.value === undefined) continue;
    const of = patient ?? row.sample;
    const held = cell.patients.get(of) ?? [0, 0];
    cell.patients.set(of, [held[0] + row.value, held[1] + 1]);
  }
  const methods = new Map(manifest.methods.map(m => [m.id, m]));
  const metrics = new Map(manifest.metrics.map(m => [m.id, m]));
  const lines = [...cells.values()].map(({ first, counts, patients }): Line => {
    const means = [...patients.values()].map(([sum, n]) => sum / n);
    return [
      first.model,
      first.method,
      methods.get(first.method)?.role,
      first.metric,
      metrics.get(first.metric)?.baseline,
      metrics.get(first.metric)?.better,
      patients.size,
      counts.ok,
      ...meanAndSd(means),
      counts.undefined,
      counts.skipped,
      counts.failed,
    ];
  });
  return { header: HEADER, lines: lines.sort(planOrder(manifest)) };
}

function meanAndSd(values: readonly number[]): [number | undefined, number | undefined] {
  if (values.length === 0) return [undefined, undefined];
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length === 1) return [mean, undefined];
  return [mean, Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1))];
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
