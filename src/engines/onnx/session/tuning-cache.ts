import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import type { Settings } from './onnx-executor.ts';
import type { Wishes } from './tune.ts';

const FILE = 'onnx-tuning.json';

/** What tuned settings depend on, as a key. */
export function tuningKey(parts: {
  digest: string | undefined;
  kind: string;
  device: string;
  version: string;
  wishes: Wishes;
  size: readonly (number | null)[];
}): string {
  const machine = [cpus()[0]?.model.trim() ?? 'cpu', availableParallelism()];
  const { digest, kind, device, version, wishes, size } = parts;
  const text = JSON.stringify([
    digest,
    kind,
    device,
    version,
    machine,
    size,
    wishes.microBatch,
    wishes.workers,
    wishes.threads,
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Settings remembered from an earlier sweep. A missing or unreadable file remembers nothing. */
export function recall(folder: string | undefined, key: string): Settings | undefined {
  if (folder === undefined) return undefined;
  const found = readAll(folder)[key];
  const good = (n: unknown) => Number.isInteger(n) && (n as number) > 0;
  return found && good(found.microBatch) && good(found.workers) && good(found.threads) ? found : undefined;
}

/** Remembers settings. A folder that can't be written only costs the next sweep. */
export function remember(folder: string | undefined, key: string, settings: Settings): void {
  if (folder === undefined) return;
  try {
    mkdirSync(folder, { recursive: true });
    const all = { ...readAll(folder), [key]: settings };
    const temporary = join(folder, `${FILE}.${process.pid}`);
    writeFileSync(temporary, `${JSON.stringify(all, null, 1)}\n`);
    renameSync(temporary, join(folder, FILE));
  } catch {
    // Nothing depends on it.
  }
}

function readAll(folder: string): Record<string, Settings> {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, FILE), 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, Settings>) : {};
  } catch {
    return {};
  }
}
