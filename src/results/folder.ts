import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { npyLength, npyTensor, readNpy, writeNpy } from '../core/npy.ts';
import type { Tensor } from '../core/tensor.ts';
import { insideFolder } from '../files/inside.ts';
import { isRegular, openRegular, readRegular } from '../files/regular.ts';
import { dropLeftovers, ioError, isLeftover, isMissing, writeAtomic } from './files.ts';
import { type Journal, openJournal } from './journal.ts';
import { acquireLock, LOCK_FILE } from './lock.ts';
import { differences, MANIFEST_FILE, readManifest, writeManifest } from './manifest.ts';
import { partFileName, sampleFileName } from './names.ts';
import { type Put, withFilm, withPictures } from './pictures.ts';
import { PROGRESS_FILE } from './progress-file.ts';
import { isPlain, type Manifest, type MapRow, type Row } from './rows.ts';
import type { RowArrays, RunStore } from './run-store.ts';

/** Pictures of the gallery that do not fit into the page. */
export const GALLERY_FOLDER = 'gallery';
/** Drawings of the report as files. */
export const FIGURES_FOLDER = 'figures';
export const JOURNAL_FILE = 'results.jsonl';

/** Maps on the scans' own pixels, where `run --save` asks for them. */
export const SAVED_FOLDER = 'maps';

const TABLES = 'samples scores timings budgets summary classifier audit baselines groups curves'.split(' ');

/** All that a run writes into its folder, for --fresh: nothing else is ever deleted. */
const OWN_ENTRIES = [
  JOURNAL_FILE,
  PROGRESS_FILE,
  ...TABLES.flatMap(name => [`${name}.csv`, `${name}.parquet`]),
  'summary.md',
  'reporting.md',
  'methods.bib',
  'tables.tex',
  'index.html',
  GALLERY_FOLDER,
  FIGURES_FOLDER,
  'attributions',
  'variants',
  'views',
  'films',
  SAVED_FOLDER,
  'curves',
  // Last: while it is there, the folder is still known for what it is.
  MANIFEST_FILE,
] as const;

/** A run folder open for writing, locked against other processes. */
export interface RunFolder extends RunStore {
  readonly dir: string;
  /** Whether an earlier start began it. */
  readonly resumed: boolean;
  readonly journal: Journal;
  close(): Promise<void>;
}

/**
 * Makes a run folder, or opens one that holds a part of the same plan.
 * @param manifest what a new folder starts with; of one that is there only its plan digest is compared
 * @param written what is kept of a row, where some of it had better not be
 * @param fresh drops what an earlier run left
 * @throws CtXaiError RUN_FOLDER for a folder of another plan, of a newer format, in use, or not a run folder;
 *   IO where it can't be written.
 */
export async function openRunFolder(
  dir: string,
  manifest: Manifest,
  fresh: boolean,
  written: (row: Row) => Row = row => row,
): Promise<RunFolder> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw ioError(error, `making the folder ${dir}`);
  }
  await refuseForeign(dir);
  if (!fresh) await checkPlan(dir, manifest);
  const lock = await acquireLock(dir);
  try {
    // Again, now that nobody else writes.
    const found = fresh ? undefined : await checkPlan(dir, manifest);
    if (fresh) await removeOwn(dir);
    await dropLeftovers(dir);
    const begun: Manifest = found
      ? { ...found, ...analysisOf(found, manifest), state: 'running', resumed: found.resumed + 1 }
      : manifest;
    await writeManifest(dir, begun);
    const journal = await openJournal(join(dir, JOURNAL_FILE), { write: true });
    return makeFolder(dir, begun, found !== undefined, journal, lock.release, written);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The analysis as it is declared now, marked where it was declared otherwise before there were rows. */
function analysisOf(found: Manifest, { analysis }: Manifest): Pick<Manifest, 'analysis'> {
  if (!analysis) return {};
  const { changed, ...before } = found.analysis ?? {};
  const other = changed || JSON.stringify(before) !== JSON.stringify(analysis);
  return { analysis: { ...analysis, ...(other ? { changed: true } : {}) } };
}

function makeFolder(
  dir: string,
  first: Manifest,
  resumed: boolean,
  journal: Journal,
  release: () => Promise<void>,
  written: (row: Row) => Row,
): RunFolder {
  let manifest = first;
  const put = async (file: string, bytes: Uint8Array): Promise<string> => {
    await writeAtomic(join(dir, file), bytes);
    return file;
  };
  return {
    dir,
    get manifest() {
      return manifest;
    },
    resumed,
    journal,
    async put(row, arrays = {}) {
      const kept = await withFiles(written(row), arrays, put);
      await journal.append([kept]);
      return kept;
    },
    rowsOf: (model, sample) => journal.rowsOf(model, sample),
    rowsBesideSamples: () => journal.rowsBesideSamples(),
    arraysOf: row => readArrays(dir, row),
    isWhole: row => isWhole(dir, row),
    async updateManifest(change) {
      manifest = { ...manifest, ...change };
      await writeManifest(dir, manifest);
    },
    async close() {
      try {
        await journal.close();
      } finally {
        await release();
      }
    },
  };
}

/** What lies beside a map, and how its file ends. */
const BESIDE_MAPS = { standardErrors: 'se', regions: 'regions', layerMap: 'layer' } as const;

/** The row with the paths of its arrays, which are written first. */
async function withFiles(row: Row, arrays: RowArrays, put: Put): Promise<Row> {
  const { map } = arrays;
  const float = (t: Tensor) => writeNpy({ shape: t.shape, data: t.data });
  if (row.kind === 'map' && map) {
    const path = mapPath(row);
    const files: Record<string, string> = {};
    for (const [key, ending] of Object.entries(BESIDE_MAPS) as [keyof typeof BESIDE_MAPS, string][]) {
      const array = arrays[key];
      if (array) files[key] = await put(`${path}.${ending}.npy`, float(array));
    }
    const file = await put(`${path}.npy`, float(map));
    return { ...row, file, ...(Object.keys(files).length > 0 ? { files } : {}) };
  }
  if (row.kind === 'score' && arrays.film && row.film) return withFilm(row, row.film, arrays.film, put);
  if (row.kind === 'sample') return withPictures(row, arrays, put);
  return row;
}

/** Maps under other weights lie apart, so that `attributions/` holds what the tables show. */
function mapPath(row: MapRow): string {
  const names = `${partFileName(row.method)}/${sampleFileName(row.sample)}`;
  if (isPlain(row)) return `attributions/${partFileName(row.model)}/${names}`;
  const variant = [row.modelVariant, row.sampleVariant, row.replicate].filter(v => v !== undefined).join(' ');
  return `variants/${partFileName(row.model)}/${partFileName(variant)}/${names}`;
}

async function readArrays(dir: string, row: Row): Promise<RowArrays> {
  const named = async <K extends keyof RowArrays>(key: K, file: string | undefined): Promise<RowArrays> => {
    const found = file === undefined ? undefined : await readArray(dir, file);
    return found ? { [key]: found } : {};
  };
  if (row.kind === 'map') {
    const arrays = await named('map', row.file);
    for (const key of Object.keys(BESIDE_MAPS) as (keyof typeof BESIDE_MAPS)[]) {
      Object.assign(arrays, await named(key, row.files?.[key]));
    }
    return arrays;
  }
  if (row.kind !== 'sample') return {};
  return { ...(await named('view', row.view)), ...(await named('mask', row.mask)) };
}

async function isWhole(dir: string, row: Row): Promise<boolean> {
  if (row.kind !== 'map' || row.file === undefined) return true;
  for (const file of [row.file, ...Object.values(row.files ?? {})]) {
    const path = insideFolder(dir, file);
    if (path === undefined || !(await isWholeArray(path))) return false;
  }
  return true;
}

async function isWholeArray(path: string): Promise<boolean> {
  try {
    const { handle, size } = await openRegular(path);
    try {
      const head = Buffer.alloc(Math.min(1024, size));
      await handle.read(head, 0, head.length, 0);
      return size === npyLength(head);
    } finally {
      await handle.close();
    }
  } catch {
    return false;
  }
}

/** An array of a run folder as float32; undefined where its file is gone or damaged. */
export async function readArray(dir: string, file: string): Promise<Tensor | undefined> {
  const path = insideFolder(dir, file);
  if (path === undefined || !isRegular(path)) return undefined;
  let bytes: Buffer;
  try {
    bytes = await readRegular(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw ioError(error, `reading ${path}`);
  }
  try {
    return npyTensor(readNpy(bytes, path));
  } catch {
    return undefined;
  }
}

/** A folder that holds something else is left alone, whatever the caller asks for. */
async function refuseForeign(dir: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(dir);
  } catch (error) {
    throw ioError(error, `reading the folder ${dir}`);
  }
  if (entries.includes(MANIFEST_FILE)) return;
  const foreign = entries.filter(name => !name.startsWith(LOCK_FILE) && !isLeftover(name));
  if (foreign.length > 0) {
    throw new CtXaiError('RUN_FOLDER', `${dir} is not empty and not a run folder (it holds '${foreign[0]}').`, {
      hint: 'Choose another folder with --out.',
    });
  }
}

async function checkPlan(dir: string, manifest: Manifest): Promise<Manifest | undefined> {
  const found = await readManifest(dir);
  if (found && found.planDigest !== manifest.planDigest) {
    const parts = differences(found, manifest);
    const list = parts.slice(0, 6).join(', ') + (parts.length > 6 ? ', …' : '');
    throw new CtXaiError(
      'RUN_FOLDER',
      `${dir} holds another plan ('${found.name}')${parts.length > 0 ? `; different: ${list}` : ''}.`,
      { hint: 'Choose another folder with --out, or drop what is there with --fresh.' },
    );
  }
  if (found && shardText(found) !== shardText(manifest)) {
    throw new CtXaiError('RUN_FOLDER', `${dir} holds ${shardText(found)}, and ${shardText(manifest)} was asked for.`, {
      hint: "Give each shard a folder of its own with --out; 'ct-xai merge' puts them together.",
    });
  }
  return found;
}

/** 'shard 3/16', or 'all images'. */
export function shardText({ shard }: Pick<Manifest, 'shard'>): string {
  return shard ? `shard ${shard.index}/${shard.of}` : 'all images';
}

async function removeOwn(dir: string): Promise<void> {
  // Throws where the manifest is not a run folder's: then nothing is ours.
  await readManifest(dir, { anyVersion: true });
  for (const name of OWN_ENTRIES) {
    try {
      await rm(join(dir, name), { recursive: true, force: true });
    } catch (error) {
      throw ioError(error, `removing ${join(dir, name)}`);
    }
  }
}
