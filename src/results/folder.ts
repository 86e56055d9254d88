import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { npyTensor, readNpy, writeNpy } from '../core/npy.ts';
import type { Tensor } from '../core/tensor.ts';
import { ioError, isLeftover, isMissing, writeAtomic } from './files.ts';
import { type Journal, openJournal } from './journal.ts';
import { acquireLock, LOCK_FILE } from './lock.ts';
import { differences, MANIFEST_FILE, readManifest, writeManifest } from './manifest.ts';
import { partFileName, sampleFileName } from './names.ts';
import type { Manifest, Row } from './rows.ts';

export const JOURNAL_FILE = 'results.jsonl';

/** All that a run writes into its folder, for --fresh: nothing else is ever deleted. */
const OWN_ENTRIES = [
  JOURNAL_FILE,
  'samples.csv',
  'scores.csv',
  'timings.csv',
  'budgets.csv',
  'summary.csv',
  'curves.csv',
  'summary.md',
  'index.html',
  'attributions',
  'views',
  'curves',
  // Last: while it is there, the folder is still known for what it is.
  MANIFEST_FILE,
] as const;

/** A run folder open for writing, locked against other processes. */
export interface RunFolder {
  readonly dir: string;
  readonly manifest: Manifest;
  /** Whether an earlier start began it. */
  readonly resumed: boolean;
  readonly journal: Journal;
  /** Rows are on the disk when it resolves; maps must be written before their rows. */
  append(...rows: Row[]): Promise<void>;
  updateManifest(change: Partial<Manifest>): Promise<void>;
  /** Writes a map [h, w] durably. @returns its path in the folder. */
  writeMap(model: string, method: string, sample: string, map: Tensor): Promise<string>;
  /** @returns undefined where the file is gone or damaged. */
  readMap(file: string): Promise<Tensor | undefined>;
  /** Writes the view of an image, [h, w] in 0…1, as 8 bits. @returns its path in the folder. */
  writeView(model: string, sample: string, view: Tensor): Promise<string>;
  /** Writes a mask, [h, w] of 0 and 1. @returns its path in the folder. */
  writeMask(model: string, sample: string, mask: Tensor): Promise<string>;
  close(): Promise<void>;
}

/**
 * Makes a run folder, or opens one that holds a part of the same plan.
 * @param manifest what a new folder starts with; of one that is there only its plan digest is compared
 * @param fresh drops what an earlier run left
 * @throws CtXaiError RUN_FOLDER for a folder of another plan, of a newer format, in use, or not a run folder;
 *   IO where it can't be written.
 */
export async function openRunFolder(dir: string, manifest: Manifest, fresh: boolean): Promise<RunFolder> {
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
    const begun: Manifest = found ? { ...found, state: 'running', resumed: found.resumed + 1 } : manifest;
    await writeManifest(dir, begun);
    const journal = await openJournal(join(dir, JOURNAL_FILE), { write: true });
    return makeFolder(dir, begun, found !== undefined, journal, lock.release);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function makeFolder(
  dir: string,
  first: Manifest,
  resumed: boolean,
  journal: Journal,
  release: () => Promise<void>,
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
    append: (...rows) => journal.append(rows),
    async updateManifest(change) {
      manifest = { ...manifest, ...change };
      await writeManifest(dir, manifest);
    },
    writeMap: (model, method, sample, map) =>
      put(
        `attributions/${partFileName(model)}/${partFileName(method)}/${sampleFileName(sample)}.npy`,
        writeNpy({ shape: map.shape, data: map.data }),
      ),
    readMap: file => readArray(dir, file),
    writeView: (model, sample, view) =>
      put(
        `views/${partFileName(model)}/${sampleFileName(sample)}.npy`,
        writeNpy({ shape: view.shape, data: Uint8Array.from(view.data, v => Math.round(255 * clamp(v))) }),
      ),
    writeMask: (model, sample, mask) =>
      put(
        `views/${partFileName(model)}/${sampleFileName(sample)}.mask.npy`,
        writeNpy({ shape: mask.shape, data: Uint8Array.from(mask.data, v => (v > 0 ? 1 : 0)) }),
      ),
    async close() {
      try {
        await journal.close();
      } finally {
        await release();
      }
    },
  };
}

function clamp(v: number): number {
  return v >= 0 ? Math.min(v, 1) : 0;
}

/** An array of a run folder as float32; undefined where its file is gone or damaged. */
export async function readArray(dir: string, file: string): Promise<Tensor | undefined> {
  const path = join(dir, file);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
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
  return found;
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
