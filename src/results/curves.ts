import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { npyHeader } from '../core/npy.ts';
import { csvStyle } from './csv.ts';
import { ioError, writeAtomic } from './files.ts';
import { partFileName } from './names.ts';
import { type RowReader, readRows } from './row-reader.ts';
import type { ScoreRow } from './rows.ts';
import type { Run } from './run.ts';
import { writeCsv } from './tables.ts';

/** The curves of one model, metric and baseline, as they come by. */
interface CurveGroup {
  readonly file: string;
  readonly temporary: string;
  readonly handle: FileHandle;
  /** Points of each curve. */
  readonly points: number[];
}

/**
 * Writes `curves/<model>/<metric>.<baseline>.npy`, float32 [curves, 2, points]: fractions perturbed, then scores;
 * shorter curves end in NaN. `curves/index.csv` says which row is whose and how many points it has. How long the
 * longest curve is, is known at the end only: curves are kept in a temporary file until then.
 */
export function curvesReader({ dir, manifest }: Pick<Run, 'dir' | 'manifest'>): RowReader {
  const folder = join(dir, 'curves');
  const groups = new Map<string, CurveGroup>();
  const index: (readonly (string | number | undefined)[])[] = [];
  const drop = async () => {
    for (const { handle, temporary } of groups.values()) {
      await handle.close().catch(() => {});
      await rm(temporary, { force: true }).catch(() => {});
    }
    groups.clear();
  };
  return {
    async row(row) {
      if (row.kind !== 'score' || !row.curve) return;
      const file = fileOf(row);
      const group = groups.get(file) ?? (await beginGroup(folder, file));
      groups.set(file, group);
      const { fraction, score } = row.curve;
      index.push([
        file,
        group.points.length,
        row.model,
        row.sample,
        row.method,
        row.metric,
        row.baseline,
        score.length,
      ]);
      group.points.push(score.length);
      const bytes = new Uint8Array(Float32Array.from([...fraction, ...score]).buffer);
      await group.handle.write(bytes).catch(error => {
        throw ioError(error, `writing ${group.temporary}`);
      });
    },
    async end() {
      if (groups.size === 0) {
        await rm(folder, { recursive: true, force: true }).catch(error => {
          throw ioError(error, `removing ${folder}`);
        });
        return;
      }
      for (const group of groups.values()) await writeAtomic(join(folder, group.file), arrayOf(group));
      await drop();
      const header = ['file', 'row', 'model', 'sample', 'method', 'metric', 'baseline', 'points'];
      await writeCsv(join(folder, 'index.csv'), header, index, csvStyle(manifest));
    },
    discard: drop,
  };
}

/** Writes the curves of a run. */
export async function writeCurves(run: Run): Promise<void> {
  await readRows(run, [curvesReader(run)]);
}

async function beginGroup(folder: string, file: string): Promise<CurveGroup> {
  const path = join(folder, file);
  const temporary = join(dirname(path), `.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    return { file, temporary, handle: await open(temporary, 'w+'), points: [] };
  } catch (error) {
    throw ioError(error, `writing ${path}`);
  }
}

/** The group as an NPY file, read back curve by curve. */
async function* arrayOf({ handle, points }: CurveGroup): AsyncIterable<Uint8Array> {
  const most = points.reduce((a, b) => Math.max(a, b), 0);
  yield npyHeader([points.length, 2, most], 'float32');
  let at = 0;
  for (const n of points) {
    const raw = new Float32Array(2 * n);
    await handle.read(new Uint8Array(raw.buffer), 0, 8 * n, at);
    at += 8 * n;
    const padded = new Float32Array(2 * most).fill(Number.NaN);
    padded.set(raw.subarray(0, n));
    padded.set(raw.subarray(n), most);
    yield new Uint8Array(padded.buffer);
  }
}

function fileOf(row: ScoreRow): string {
  return `${partFileName(row.model)}/${partFileName(row.metric)}.${partFileName(row.baseline ?? 'none')}.npy`;
}
