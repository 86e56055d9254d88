import { readdir } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { isRegular } from '../../files/regular.ts';
import { MANIFEST_FILE, readManifest } from '../../results/manifest.ts';
import { type ProgressRecord, readProgress } from '../../results/progress-file.ts';

/** Folders below the one that is shown. */
const DEEPEST = 3;
const MOST_RUNS = 1000;
/** A run that works writes its progress every two seconds. */
const STALE_MS = 20_000;

/** A run as the index shows it. All texts come from files and are no HTML. */
export interface ShownRun {
  /** Its folder, from the one that is shown, with '/'; '.' for that folder itself. */
  readonly path: string;
  readonly name: string;
  readonly state: 'works' | 'complete' | 'stopped' | 'damaged';
  readonly startedAt?: string;
  readonly models: number;
  readonly explainers: number;
  readonly images: number;
  readonly hasReport: boolean;
  readonly progress?: Omit<ProgressRecord, 'at'>;
  /** Of a manifest that can't be read. */
  readonly reason?: string;
}

/** The runs in a folder and below it, the latest first. Links are not followed. */
export async function findRuns(root: string, now = Date.now()): Promise<ShownRun[]> {
  const dirs: string[] = [];
  const look = async (dir: string, depth: number): Promise<void> => {
    if (dirs.length >= MOST_RUNS) return;
    const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
    if (entries.some(e => e.name === MANIFEST_FILE && e.isFile())) {
      dirs.push(dir);
      return;
    }
    if (depth === DEEPEST) return;
    for (const e of entries) {
      if (e.isDirectory() && e.name !== 'node_modules' && !e.name.startsWith('.'))
        await look(join(dir, e.name), depth + 1);
    }
  };
  await look(root, 0);
  const runs = await Promise.all(dirs.map(dir => shown(root, dir, now)));
  return runs.sort((a, b) => (b.startedAt ?? '').localeCompare(a.startedAt ?? ''));
}

async function shown(root: string, dir: string, now: number): Promise<ShownRun> {
  const path = relative(root, dir).split(sep).join('/') || '.';
  const hasReport = isRegular(join(dir, 'index.html'));
  const none = { path, hasReport, name: basename(dir), models: 0, explainers: 0, images: 0 };
  try {
    const manifest = await readManifest(dir, { anyVersion: true });
    if (!manifest) return { ...none, state: 'damaged', reason: 'it has no manifest' };
    const written = manifest.state === 'running' ? await readProgress(dir) : undefined;
    const { at, ...progress } = written ?? { at: 0 };
    const works = now - at < STALE_MS;
    return {
      ...none,
      name: manifest.name,
      state: manifest.state === 'complete' ? 'complete' : works ? 'works' : 'stopped',
      startedAt: manifest.startedAt,
      models: manifest.models.length,
      explainers: manifest.methods.filter(m => m.role === 'method').length,
      images: manifest.dataset.count,
      ...(written && 'total' in progress ? { progress } : {}),
    };
  } catch (error) {
    return { ...none, state: 'damaged', reason: error instanceof Error ? error.message : String(error) };
  }
}
