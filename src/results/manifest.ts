import { join } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { readTextIfThere, writeAtomic } from './files.ts';
import { manifestSchema } from './row-schema.ts';
import { FORMAT_VERSION, type Manifest } from './rows.ts';

export const MANIFEST_FILE = 'manifest.json';

/**
 * The manifest of a run folder, or undefined where the folder has none.
 * @throws CtXaiError RUN_FOLDER if it is not readable or of a newer format.
 */
export async function readManifest(dir: string, { anyVersion = false } = {}): Promise<Manifest | undefined> {
  const path = join(dir, MANIFEST_FILE);
  const text = await readTextIfThere(path);
  if (text === undefined) return undefined;
  let manifest: Partial<Manifest> | null;
  try {
    manifest = JSON.parse(text) as Partial<Manifest> | null;
  } catch (error) {
    throw new CtXaiError('RUN_FOLDER', `${path} is not JSON.`, {
      hint: 'Choose another folder with --out.',
      cause: error,
    });
  }
  const version = manifest?.formatVersion;
  if (typeof version !== 'number' || typeof manifest?.planDigest !== 'string') {
    throw new CtXaiError('RUN_FOLDER', `${path} is not the manifest of a run folder.`, {
      hint: 'Choose another folder with --out.',
    });
  }
  if (version > FORMAT_VERSION && !anyVersion) {
    throw new CtXaiError(
      'RUN_FOLDER',
      `${dir} is a run folder of format ${version}; this version reads up to ${FORMAT_VERSION}.`,
      { hint: 'Update ct-xai-bench, or choose another folder with --out.' },
    );
  }
  const checked = manifestSchema.safeParse(manifest);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new CtXaiError('RUN_FOLDER', `${path} is damaged: ${issue!.path.join('.')}: ${issue!.message}.`, {
      hint: 'Choose another folder with --out.',
    });
  }
  return manifest as Manifest;
}

export async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  await writeAtomic(join(dir, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** In which parts two plans differ, in words: 'seed', 'data', 'method lime', … */
export function differences(a: Manifest, b: Manifest): string[] {
  const out: string[] = [];
  const differ = (x: unknown, y: unknown) => JSON.stringify(x) !== JSON.stringify(y);
  if (a.seed !== b.seed) out.push('seed');
  if (a.target !== b.target) out.push('target');
  if (a.dataset.digest !== b.dataset.digest || a.dataset.count !== b.dataset.count) out.push('data');
  for (const [what, x, y] of [
    ['model', a.models.map(m => ({ ...m, runtime: 0 })), b.models.map(m => ({ ...m, runtime: 0 }))],
    ['method', a.methods, b.methods],
    ['metric', a.metrics, b.metrics],
  ] as const) {
    const ids = new Set([...x, ...y].map(part => part.id));
    for (const id of ids) {
      if (
        differ(
          x.find(p => p.id === id),
          y.find(p => p.id === id),
        )
      )
        out.push(`${what} ${id}`);
    }
  }
  for (const name of Object.keys({ ...a.versions, ...b.versions })) {
    if (a.versions[name] !== b.versions[name]) out.push(`version of ${name}`);
  }
  return out;
}
