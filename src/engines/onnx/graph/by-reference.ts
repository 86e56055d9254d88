import { realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Constant, Graph, StoredFile } from './graph.ts';
import { encodeModel } from './proto.ts';

/** A model for ONNX Runtime without its weights, and the folder of the files that it says they are in. */
export interface ModelByReference {
  readonly bytes: Uint8Array;
  readonly folder: string;
}

/** Smaller constants are written: shapes and axes must be there when ONNX Runtime infers shapes. */
const LEAST_BYTES = 4096;

/** An existing file as it is now. */
export function storedFile(path: string): StoredFile {
  const real = realpathSync(path);
  return { path: real, version: versionOf(real) };
}

function versionOf(path: string): string {
  const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs].join(' ');
}

/**
 * A graph whose weights ONNX Runtime is to map from the files that they were read from, so that graphs, sessions and
 * workers share one copy. What lies in no file, or in one that was changed since, is written.
 */
export function encodeByReference(graph: Graph): Uint8Array | ModelByReference {
  const unchanged = new Map<StoredFile, boolean>();
  const sizes = new Map<string, number>();
  const stored = (c: Constant): StoredFile | undefined => {
    if (c.stored?.values !== c.data || c.data.byteLength < LEAST_BYTES) return undefined;
    const { file } = c.stored;
    const same = unchanged.get(file) ?? isUnchanged(file);
    unchanged.set(file, same);
    return same ? file : undefined;
  };
  for (const c of graph.constants.values()) {
    const file = stored(c);
    if (!file) continue;
    const folder = dirname(file.path);
    sizes.set(folder, (sizes.get(folder) ?? 0) + c.data.byteLength);
  }
  // ONNX Runtime takes one folder.
  const [folder] = [...sizes].sort(([, a], [, b]) => b - a)[0] ?? [];
  if (folder === undefined) return encodeModel(graph);
  const locationOf = (c: Constant) => {
    const file = stored(c);
    return file && dirname(file.path) === folder ? basename(file.path) : undefined;
  };
  return { bytes: encodeModel(graph, { locationOf }), folder };
}

function isUnchanged({ path, version }: StoredFile): boolean {
  try {
    return versionOf(path) === version;
  } catch {
    return false;
  }
}
