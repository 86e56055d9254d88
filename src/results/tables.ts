import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { writeAtomic } from './files.ts';
import type { Row, SampleRow } from './rows.ts';
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
];
const CURVES = ['model', 'sample', 'method', 'metric', 'baseline', 'fraction', 'score'];

/** Which tables are written, in this order. `curves.csv` is long: a line per point. */
export interface TableOptions {
  readonly curvesCsv?: boolean;
}

/**
 * Writes samples.csv, scores.csv, timings.csv and, if asked, curves.csv from a run's rows, in plan order. Rows are
 * streamed.
 * @returns the names of the files written
 */
export async function writeTables(run: Run, options: TableOptions = {}): Promise<string[]> {
  const tables: [file: string, header: string[], lines: () => AsyncIterable<Line>][] = [
    ['samples.csv', SAMPLES, () => linesOf(run, row => (row.kind === 'sample' ? [sampleLine(row)] : []))],
    ['scores.csv', SCORES, () => scoreLines(run)],
    ['timings.csv', TIMINGS, () => linesOf(run, timingLine)],
  ];
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
  if (row.kind !== 'timing') return [];
  const { wallMs } = row;
  return [
    [
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
    ],
  ];
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
