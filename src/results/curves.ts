import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { npyHeader } from '../core/npy.ts';
import { type AtomicFile, createAtomic, ioError } from './files.ts';
import { partFileName } from './names.ts';
import type { ScoreRow } from './rows.ts';
import type { Run } from './run.ts';
import { writeCsv } from './tables.ts';

interface Group {
  readonly file: string;
  rows: number;
  points: number;
}

/**
 * Writes `curves/<model>/<metric>.<baseline>.npy`, float32 [curves, 2, points]: fractions perturbed, then scores;
 * shorter curves end in NaN. `curves/index.csv` says which row is whose and how many points it has. Curves are
 * streamed, one file open per model, metric and baseline.
 */
export async function writeCurves(run: Run): Promise<void> {
  const folder = join(run.dir, 'curves');
  const groups = new Map<string, Group>();
  for await (const row of curvesOf(run)) {
    const group = groups.get(fileOf(row)) ?? { file: fileOf(row), rows: 0, points: 0 };
    groups.set(group.file, group);
    group.rows++;
    group.points = Math.max(group.points, row.curve.score.length);
  }
  if (groups.size === 0) {
    await rm(folder, { recursive: true, force: true }).catch(error => {
      throw ioError(error, `removing ${folder}`);
    });
    return;
  }
  const files = new Map<string, AtomicFile>();
  try {
    for (const { file, rows, points } of groups.values()) {
      const out = await createAtomic(join(folder, file));
      files.set(file, out);
      await out.write(npyHeader([rows, 2, points], 'float32'));
    }
    for await (const row of curvesOf(run)) {
      const { points } = groups.get(fileOf(row))!;
      const values = new Float32Array(2 * points).fill(Number.NaN);
      values.set(row.curve.fraction);
      values.set(row.curve.score, points);
      await files.get(fileOf(row))!.write(new Uint8Array(values.buffer));
    }
    for (const file of files.values()) await file.commit();
  } finally {
    for (const file of files.values()) await file.discard();
  }
  await writeCsv(
    join(folder, 'index.csv'),
    ['file', 'row', 'model', 'sample', 'method', 'metric', 'baseline', 'points'],
    indexLines(run),
  );
}

async function* indexLines(run: Run) {
  const next = new Map<string, number>();
  for await (const row of curvesOf(run)) {
    const file = fileOf(row);
    const at = next.get(file) ?? 0;
    next.set(file, at + 1);
    yield [file, at, row.model, row.sample, row.method, row.metric, row.baseline, row.curve.score.length];
  }
}

type RowWithCurve = ScoreRow & Required<Pick<ScoreRow, 'curve'>>;

async function* curvesOf(run: Run): AsyncIterable<RowWithCurve> {
  for await (const row of run.rows()) {
    if (row.kind === 'score' && row.curve) yield row as RowWithCurve;
  }
}

function fileOf(row: ScoreRow): string {
  return `${partFileName(row.model)}/${partFileName(row.metric)}.${partFileName(row.baseline ?? 'none')}.npy`;
}
