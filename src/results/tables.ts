import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { absenceOf } from '../core/findings.ts';
import { type CsvCell as Cell, type CsvStyle, csvStyle, csvText } from './csv.ts';
import { type AtomicFile, createAtomic, writeAtomic } from './files.ts';
import { type CellType, createParquet, type ParquetTable } from './parquet.ts';
import { type RowReader, readRows } from './row-reader.ts';
import {
  type BudgetRow,
  type GroupRow,
  isPlain,
  type MapRow,
  type Row,
  type SampleRow,
  type ScoreRow,
  type TimingRow,
} from './rows.ts';
import type { Run } from './run.ts';

type Line = readonly Cell[];

/** One column of a table: its name, what it holds (texts unless said), and its cell of a line. */
interface Column<T> {
  readonly name: string;
  readonly type?: CellType;
  readonly of: (line: T) => Cell;
}

/** Of what was predicted: the class, or that the finding explained is absent. */
function predictedProbability({ predicted, target, targetProbability, probabilities }: SampleRow): number | undefined {
  if (target !== undefined && targetProbability !== undefined) {
    if (predicted === target) return targetProbability;
    if (predicted === absenceOf(target)) return 1 - targetProbability;
  }
  return probabilities && Math.max(...probabilities);
}

const SAMPLES: readonly Column<SampleRow>[] = [
  { name: 'id', of: row => row.sample },
  { name: 'source', of: row => row.source },
  { name: 'patient', of: row => row.patient },
  { name: 'label', of: row => row.label },
  { name: 'predicted', of: row => row.predicted },
  { name: 'probability', type: 'number', of: predictedProbability },
  { name: 'model', of: row => row.model },
  { name: 'target', of: row => row.target },
  { name: 'target_probability', type: 'number', of: row => row.targetProbability },
  { name: 'mask', type: 'flag', of: row => (row.hasMask === undefined ? undefined : Number(row.hasMask)) },
  { name: 'status', of: row => row.status },
  { name: 'reason', of: row => row.reason },
  { name: 'outcome', of: row => row.outcome },
  { name: 'exam', of: row => row.exam },
  { name: 'groups', of: row => row.groups && groupsText(row.groups) },
  { name: 'doubt', of: row => row.doubt },
  { name: 'target_value', type: 'number', of: row => row.targetValue },
  { name: 'reference_value', type: 'number', of: row => row.referenceValue },
];

/** A score with the rows of its image and map. */
interface ScoreLine {
  readonly row: ScoreRow;
  readonly dataset: string;
  readonly sample: SampleRow | undefined;
  readonly map: MapRow | undefined;
}

const SCORES: readonly Column<ScoreLine>[] = [
  { name: 'model', of: ({ row }) => row.model },
  { name: 'dataset', of: ({ dataset }) => dataset },
  { name: 'sample', of: ({ row }) => row.sample },
  { name: 'patient', of: ({ sample }) => sample?.patient },
  { name: 'label', of: ({ sample }) => sample?.label },
  { name: 'target', of: ({ row }) => row.target },
  { name: 'method', of: ({ row }) => row.method },
  { name: 'metric', of: ({ row }) => row.metric },
  { name: 'baseline', of: ({ row }) => row.baseline },
  { name: 'value', type: 'number', of: ({ row }) => row.value },
  { name: 'status', of: ({ row }) => row.status },
  { name: 'reason', of: ({ row }) => row.reason },
  { name: 'explainer_baseline', of: ({ map }) => map?.baseline },
  { name: 'model_variant', of: ({ row }) => row.modelVariant ?? 'original' },
  { name: 'sample_variant', of: ({ row }) => row.sampleVariant ?? 'original' },
  { name: 'replicate', type: 'count', of: ({ row }) => row.replicate ?? 0 },
  { name: 'outcome', of: ({ sample }) => sample?.outcome },
  { name: 'error', type: 'number', of: ({ row }) => row.error },
];

const GROUPS: readonly Column<GroupRow>[] = [
  { name: 'model', of: row => row.model },
  { name: 'method', of: row => row.method },
  { name: 'metric', of: row => row.metric },
  { name: 'baseline', of: row => row.baseline },
  { name: 'maps', type: 'count', of: row => row.maps },
  { name: 'value', type: 'number', of: row => row.value },
  { name: 'status', of: row => row.status },
  { name: 'reason', of: row => row.reason },
  { name: 'chance', type: 'number', of: row => row.chance },
];

const TIMINGS: readonly Column<TimingRow>[] = [
  { name: 'model', of: row => row.model },
  { name: 'engine', of: row => row.engine },
  { name: 'device', of: row => row.device },
  { name: 'method', of: row => row.method },
  { name: 'samples', type: 'count', of: row => row.samples },
  { name: 'wall_ms_p50', type: 'number', of: row => row.wallMs?.p50 },
  { name: 'wall_ms_p95', type: 'number', of: row => row.wallMs?.p95 },
  { name: 'wall_ms_mean', type: 'number', of: row => row.wallMs?.mean },
  { name: 'wall_ms_sd', type: 'number', of: row => row.wallMs?.sd },
  { name: 'device_ms_p50', type: 'number', of: row => row.deviceMs?.p50 },
  { name: 'device_time_source', of: row => row.deviceTimeSource },
  { name: 'forwards', type: 'number', of: row => row.passes?.forward },
  { name: 'backwards', type: 'number', of: row => row.passes?.backward },
  { name: 'peak_rss_mb', type: 'number', of: row => row.peakRssMb },
  { name: 'wall_ms_min', type: 'number', of: row => row.wallMs?.min },
  { name: 'first_ms', type: 'number', of: row => row.firstMs },
  { name: 'cpu_ms', type: 'number', of: row => row.cpuMs },
  { name: 'status', of: row => row.status },
  { name: 'reason', of: row => row.reason },
  { name: 'asked', of: row => row.asked },
  { name: 'device_name', of: row => row.deviceName },
  { name: 'device_ms_sum_p50', type: 'number', of: row => row.deviceMs?.sumP50 },
  { name: 'device_samples', type: 'count', of: row => row.deviceMs?.samples },
  { name: 'traced_wall_ms_p50', type: 'number', of: row => row.deviceMs?.wallP50 },
  { name: 'js_ms_p50', type: 'number', of: row => row.jsMs },
  { name: 'transfer_ms_p50', type: 'number', of: row => row.transferMs },
  { name: 'open_ms', type: 'number', of: row => row.openMs },
  { name: 'device_memory_mb', type: 'number', of: row => row.deviceMemoryMb },
  { name: 'energy_j', type: 'number', of: row => row.energyJ },
  { name: 'energy_source', of: row => row.energySource },
  { name: 'operators_elsewhere', of: row => row.elsewhere && operatorsText(row.elsewhere) },
  { name: 'others_cores', type: 'number', of: row => row.machine?.othersCores },
  { name: 'cores', type: 'count', of: row => row.machine?.cores },
  { name: 'clock_mhz_start', type: 'number', of: row => row.machine?.clockMhz?.[0] },
  { name: 'clock_mhz_end', type: 'number', of: row => row.machine?.clockMhz?.[1] },
  { name: 'unstable', of: row => row.unstable?.join('; ') },
  { name: 'remarks', of: row => row.remarks?.join('; ') },
];

/** A budget's row with one of its metrics. */
interface BudgetLine {
  readonly row: BudgetRow;
  readonly metric?: string;
  readonly value?: number;
  readonly status: string;
  readonly reason?: string | undefined;
}

const BUDGETS: readonly Column<BudgetLine>[] = [
  { name: 'model', of: ({ row }) => row.model },
  { name: 'method', of: ({ row }) => row.method },
  { name: 'budget', type: 'count', of: ({ row }) => row.budget },
  { name: 'sample', of: ({ row }) => row.sample },
  { name: 'patient', of: ({ row }) => row.patient },
  { name: 'forwards', type: 'number', of: ({ row }) => row.passes?.forward },
  { name: 'backwards', type: 'number', of: ({ row }) => row.passes?.backward },
  { name: 'wall_ms', type: 'number', of: ({ row }) => row.wallMs },
  { name: 'self_correlation', type: 'number', of: ({ row }) => row.self?.correlation },
  { name: 'self_with', of: ({ row }) => row.self?.with },
  { name: 'metric', of: ({ metric }) => metric },
  { name: 'value', type: 'number', of: ({ value }) => value },
  { name: 'status', of: ({ status }) => status },
  { name: 'reason', of: ({ reason }) => reason },
];

interface CurvePoint {
  readonly row: ScoreRow;
  readonly fraction: number;
  readonly score: number;
}

const CURVES: readonly Column<CurvePoint>[] = [
  { name: 'model', of: ({ row }) => row.model },
  { name: 'sample', of: ({ row }) => row.sample },
  { name: 'method', of: ({ row }) => row.method },
  { name: 'metric', of: ({ row }) => row.metric },
  { name: 'baseline', of: ({ row }) => row.baseline },
  { name: 'fraction', type: 'number', of: ({ fraction }) => fraction },
  { name: 'score', type: 'number', of: ({ score }) => score },
];

/** Which tables are written besides samples.csv, scores.csv and timings.csv. */
export interface TableOptions {
  /** `curves.csv`: a line per point. */
  readonly curvesCsv?: boolean;
  /** `budgets.csv`: a line per explanation at a budget and metric. */
  readonly budgetsCsv?: boolean;
  /** `groups.csv`: a line per explainer and group metric. */
  readonly groupsCsv?: boolean;
  /** Each of the tables as a `.parquet` file too. */
  readonly parquet?: boolean;
}

/**
 * The tables of a run, as readers of its rows in plan order: samples.csv, scores.csv, timings.csv and, if asked,
 * groups.csv, budgets.csv and curves.csv, and all of them as Parquet.
 */
export function tableReaders(
  { dir, manifest }: Pick<Run, 'dir' | 'manifest'>,
  options: TableOptions = {},
): RowReader[] {
  const table = <T>(name: string, columns: readonly Column<T>[], linesOf: () => (row: Row) => readonly T[]) => [
    csvReader(join(dir, `${name}.csv`), columns, linesOf(), csvStyle(manifest)),
    options.parquet
      ? parquetReader(join(dir, `${name}.parquet`), columns, linesOf())
      : remover(join(dir, `${name}.parquet`)),
  ];
  return [
    ...table('samples', SAMPLES, () => row => (row.kind === 'sample' ? [row] : [])),
    ...table('scores', SCORES, () => scoreLines(manifest.dataset.name)),
    ...table('timings', TIMINGS, () => row => (row.kind === 'timing' ? [row] : [])),
    ...(options.groupsCsv ? table('groups', GROUPS, () => row => (row.kind === 'group' ? [row] : [])) : []),
    ...(options.budgetsCsv ? table('budgets', BUDGETS, () => budgetLines) : []),
    ...(options.curvesCsv ? table('curves', CURVES, () => curvePoints) : []),
  ];
}

/** Writes all tables of a run. */
export async function writeTables(run: Run, options: TableOptions = {}): Promise<void> {
  await readRows(run, tableReaders(run, options));
}

/** Joins each score with the rows of its image and map, which come before it. */
function scoreLines(dataset: string): (row: Row) => readonly ScoreLine[] {
  let sample: SampleRow | undefined;
  let maps = new Map<string, MapRow>();
  return row => {
    if (row.kind === 'sample') {
      sample = row;
      maps = new Map();
    }
    if (row.kind === 'map' && isPlain(row)) maps.set(row.method, row);
    if (row.kind !== 'score') return [];
    const own = sample?.sample === row.sample && sample.model === row.model;
    return [{ row, dataset, sample: own ? sample : undefined, map: own ? maps.get(row.method) : undefined }];
  };
}

/** Writes the table `timings.csv` of timings that no run folder holds. */
export async function writeTimings(path: string, rows: readonly TimingRow[]): Promise<void> {
  const reader = csvReader<TimingRow>(path, TIMINGS, row => (row.kind === 'timing' ? [row] : []), {
    formulas: 'neutralised',
  });
  for (const row of rows) await reader.row(row);
  await reader.end();
}

/** '12 Resize, 1 Softmax'; empty where there are none. */
export function operatorsText(operators: Readonly<Record<string, number>>): string {
  return Object.entries(operators)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(([type, n]) => `${n} ${type}`)
    .join(', ');
}

/** 'sex=F; site=A', columns in code-unit order. */
function groupsText(groups: Readonly<Record<string, string>>): string {
  return Object.entries(groups)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([column, value]) => `${column}=${value}`)
    .join('; ');
}

/** A line per metric; one without a metric where there is none. */
function budgetLines(row: Row): BudgetLine[] {
  if (row.kind !== 'budget') return [];
  const { values = {}, without = {} } = row;
  const metrics: BudgetLine[] = [
    ...Object.entries(values).map(([metric, value]) => ({ row, metric, value, status: 'ok' })),
    ...Object.entries(without).map(([metric, reason]) => ({ row, metric, status: 'undefined', reason })),
  ];
  return row.status === 'ok' && metrics.length > 0 ? metrics : [{ row, status: row.status, reason: row.reason }];
}

function curvePoints(row: Row): CurvePoint[] {
  if (row.kind !== 'score' || !row.curve) return [];
  const { fraction, score } = row.curve;
  return fraction.map((f, i) => ({ row, fraction: f, score: score[i]! }));
}

/**
 * Writes a table while rows come by. Lines are joined to pieces of some 64 kB, so that a long table is neither in
 * memory nor written bit by bit.
 */
function csvReader<T>(
  path: string,
  columns: readonly Column<T>[],
  lines: (row: Row) => readonly T[],
  style: CsvStyle,
): RowReader {
  let file: Promise<AtomicFile> | undefined;
  let piece = csvText([columns.map(column => column.name)], style);
  const flush = async () => {
    file ??= createAtomic(path);
    await (await file).write(piece);
    piece = '';
  };
  return {
    async row(row) {
      for (const line of lines(row)) piece += csvText([columns.map(column => column.of(line))], style);
      if (piece.length > 1 << 16) await flush();
    },
    async end() {
      await flush();
      await (await file!).commit();
    },
    async discard() {
      await (await file)?.discard();
    },
  };
}

/** Removes what an earlier report wrote: it would not be of the same rows. */
function remover(path: string): RowReader {
  return { row: async () => {}, end: () => rm(path, { force: true }), discard: async () => {} };
}

/** Writes a table as Parquet while rows come by. */
function parquetReader<T>(path: string, columns: readonly Column<T>[], lines: (row: Row) => readonly T[]): RowReader {
  let table: Promise<ParquetTable> | undefined;
  const opened = () => (table ??= createParquet(path, columns));
  return {
    async row(row) {
      const own = lines(row);
      if (own.length === 0) return;
      const open = await opened();
      for (const line of own) await open.line(columns.map(column => column.of(line)));
    },
    async end() {
      await (await opened()).end();
    },
    async discard() {
      await (await table)?.discard();
    },
  };
}

/** Writes a table of lines that are at hand. */
export async function writeCsv(
  path: string,
  header: readonly string[],
  lines: Iterable<Line>,
  style: CsvStyle,
): Promise<void> {
  await writeAtomic(path, csvText([header, ...lines], style));
}
