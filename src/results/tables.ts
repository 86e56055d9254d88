import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { writeAtomic } from './files.ts';
import type { Row, SampleRow, TimingRow } from './rows.ts';
import type { Run } from './run.ts';

type Cell = string | number | boolean | undefined;
type Line = readonly Cell[];

const SAMPLES = [
  'id',
  'source',
  'patient',
  'label',
  'predicted',
  'probability',
  'model',
  'target',
  'target_probability',
  'mask',
  'status',
  'reason',
];
const SCORES = [
  'model',
  'dataset',
  'sample',
  'patient',
  'label',
  'target',
  'method',
  'metric',
  'baseline',
  'value',
  'status',
  'reason',
];
const TIMINGS = [
  'model',
  'engine',
  'device',
  'method',
  'samples',
  'wall_ms_p50',
  'wall_ms_p95',
  'wall_ms_mean',
  'wall_ms_sd',
  'device_ms_p50',
  'device_time_source',
  'forwards',
  'backwards',
  'peak_rss_mb',
  'wall_ms_min',
  'first_ms',
  'cpu_ms',
  'status',
  'reason',
  'asked',
  'device_name',
  'device_ms_sum_p50',
  'device_samples',
  'traced_wall_ms_p50',
  'js_ms_p50',
  'transfer_ms_p50',
  'open_ms',
  'device_memory_mb',
  'energy_j',
  'energy_source',
  'operators_elsewhere',
  'others_cores',
  'cores',
  'clock_mhz_start',
  'clock_mhz_end',
  'unstable',
  'remarks',
];
const BUDGETS = [
  'model',
  'method',
  'budget',
  'sample',
  'patient',
  'forwards',
  'backwards',
  'wall_ms',
  'self_correlation',
  'self_with',
  'metric',
  'value',
  'status',
  'reason',
];
const CURVES = ['model', 'sample', 'method', 'metric', 'baseline', 'fraction', 'score'];

/** Which tables are written, in this order. `curves.csv` is long: a line per point. */
export interface TableOptions {
  readonly curvesCsv?: boolean;
  /** A line per explanation at a budget and metric. */
  readonly budgetsCsv?: boolean;
}

/**
 * Writes samples.csv, scores.csv, timings.csv and, if asked, budgets.csv and curves.csv from a run's rows, in plan order. Rows are
 * streamed.
 * @returns the names of the files written
 */
export async function writeTables(run: Run, options: TableOptions = {}): Promise<string[]> {
  const tables: [file: string, header: string[], lines: () => AsyncIterable<Line>][] = [
    ['samples.csv', SAMPLES, () => linesOf(run, row => (row.kind === 'sample' ? [sampleLine(row)] : []))],
    ['scores.csv', SCORES, () => scoreLines(run)],
    ['timings.csv', TIMINGS, () => linesOf(run, timingLine)],
  ];
  if (options.budgetsCsv) tables.push(['budgets.csv', BUDGETS, () => linesOf(run, budgetLines)]);
  if (options.curvesCsv) tables.push(['curves.csv', CURVES, () => linesOf(run, curveLines)]);
  for (const [file, header, lines] of tables) await writeCsv(join(run.dir, file), header, lines());
  return tables.map(([file]) => file);
}

function sampleLine(row: SampleRow): Line {
  const predicted = row.probabilities && Math.max(...row.probabilities);
  return [
    row.sample,
    row.source,
    row.patient,
    row.label,
    row.predicted,
    predicted,
    row.model,
    row.target,
    row.targetProbability,
    row.hasMask === undefined ? undefined : Number(row.hasMask),
    row.status,
    row.reason,
  ];
}

async function* scoreLines(run: Run): AsyncIterable<Line> {
  let sample: SampleRow | undefined;
  for await (const row of run.rows()) {
    if (row.kind === 'sample') sample = row;
    if (row.kind !== 'score') continue;
    const own = sample?.sample === row.sample && sample.model === row.model ? sample : undefined;
    yield [
      row.model,
      run.manifest.dataset.name,
      row.sample,
      own?.patient,
      own?.label,
      row.target,
      row.method,
      row.metric,
      row.baseline,
      row.value,
      row.status,
      row.reason,
    ];
  }
}

function timingLine(row: Row): Line[] {
  return row.kind === 'timing' ? [timingCells(row)] : [];
}

/** Writes the table `timings.csv` of timings that no run folder holds. */
export async function writeTimings(path: string, rows: readonly TimingRow[]): Promise<void> {
  await writeCsv(path, TIMINGS, rows.map(timingCells));
}

function timingCells(row: TimingRow): Line {
  const { wallMs, machine } = row;
  return [
    row.model,
    row.engine,
    row.device,
    row.method,
    row.samples,
    wallMs?.p50,
    wallMs?.p95,
    wallMs?.mean,
    wallMs?.sd,
    row.deviceMs?.p50,
    row.deviceTimeSource,
    row.passes?.forward,
    row.passes?.backward,
    row.peakRssMb,
    wallMs?.min,
    row.firstMs,
    row.cpuMs,
    row.status,
    row.reason,
    row.asked,
    row.deviceName,
    row.deviceMs?.sumP50,
    row.deviceMs?.samples,
    row.deviceMs?.wallP50,
    row.jsMs,
    row.transferMs,
    row.openMs,
    row.deviceMemoryMb,
    row.energyJ,
    row.energySource,
    row.elsewhere && operatorsText(row.elsewhere),
    machine?.othersCores,
    machine?.cores,
    machine?.clockMhz?.[0],
    machine?.clockMhz?.[1],
    row.unstable?.join('; '),
    row.remarks?.join('; '),
  ];
}

/** '12 Resize, 1 Softmax'; empty where there are none. */
export function operatorsText(operators: Readonly<Record<string, number>>): string {
  return Object.entries(operators)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(([type, n]) => `${n} ${type}`)
    .join(', ');
}

/** A line per metric; one without a metric where there is none. */
function budgetLines(row: Row): Line[] {
  if (row.kind !== 'budget') return [];
  const { passes, self, values = {}, without = {} } = row;
  const own = [row.model, row.method, row.budget, row.sample, row.patient];
  const cost = [passes?.forward, passes?.backward, row.wallMs, self?.correlation, self?.with];
  const metrics = [
    ...Object.entries(values).map(([metric, value]) => [metric, value, 'ok', undefined]),
    ...Object.entries(without).map(([metric, reason]) => [metric, undefined, 'undefined', reason]),
  ];
  const lines = row.status === 'ok' && metrics.length > 0 ? metrics : [[undefined, undefined, row.status, row.reason]];
  return lines.map(line => [...own, ...cost, ...line]);
}

function curveLines(row: Row): Line[] {
  if (row.kind !== 'score' || !row.curve) return [];
  const { fraction, score } = row.curve;
  return fraction.map((f, i) => [row.model, row.sample, row.method, row.metric, row.baseline, f, score[i]]);
}

async function* linesOf(run: Run, lines: (row: Row) => readonly Line[]): AsyncIterable<Line> {
  for await (const row of run.rows()) yield* lines(row);
}

/** Lines are joined to pieces of some 64 kB, so that a long table is neither in memory nor written bit by bit. */
export async function writeCsv(
  path: string,
  header: readonly string[],
  lines: AsyncIterable<Line> | Iterable<Line>,
): Promise<void> {
  await writeAtomic(
    path,
    (async function* () {
      let piece = stringify([header as string[]]);
      for await (const line of lines) {
        piece += stringify([line as Cell[]]);
        if (piece.length > 1 << 16) {
          yield piece;
          piece = '';
        }
      }
      yield piece;
    })(),
  );
}
