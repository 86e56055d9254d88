import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import type { ChangesWorth } from '../../../core/contracts/index.ts';
import type { MeasuredModel } from './measure.ts';
import type { ExecutorSettings } from './program-sessions.ts';
import type { Wishes } from './tune.ts';

const FILE = 'onnx-tuning.json';

/** To be raised when something else is measured, or judged otherwise: then nothing remembered holds. */
const MEASURING = 5;

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

/** What measurements of a model depend on, as a key. `card`: what the card says of scores and pixels. */
export function measuringKey(parts: { digest: string; version: string; card: unknown }): string {
  const { digest, version, card } = parts;
  const text = JSON.stringify(['measured', MEASURING, digest, version, card]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Settings remembered from an earlier sweep. A missing or unreadable file remembers nothing. */
export function recall(folder: string | undefined, key: string): ExecutorSettings | undefined {
  const found = folder === undefined ? undefined : (readAll(folder)[key] as ExecutorSettings | undefined);
  const good = (n: unknown) => Number.isInteger(n) && (n as number) > 0;
  return found && good(found.microBatch) && good(found.workers) && good(found.threads) ? found : undefined;
}

/** Measurements remembered from an earlier opening. */
export function recallMeasured(folder: string | undefined, key: string): MeasuredModel | undefined {
  const found = folder === undefined ? undefined : (readAll(folder)[key] as MeasuredModel | undefined);
  const { repeatError, batchError } = found?.measurements ?? {};
  const known = typeof found?.mixes === 'boolean' && Number.isInteger(found.together);
  return known && Number.isFinite(repeatError) && Number.isFinite(batchError) ? found : undefined;
}

/** What was found earlier of computing only what changed. */
export function recallChanges(folder: string | undefined, key: string): ChangesWorth | undefined {
  const found = folder === undefined ? undefined : (readAll(folder)[key] as Partial<ChangesFields> | undefined);
  if (typeof found?.reason === 'string') return { reason: found.reason, ...(found.anySide ? { anySide: true } : {}) };
  return Number.isFinite(found?.faster) ? { faster: found!.faster! } : undefined;
}

/** Whether ONNX Runtime's optimiser was found to be exact on a model. */
export interface OptimiserVerdict {
  readonly exact: boolean;
}

export function recallOptimiser(folder: string | undefined, key: string): OptimiserVerdict | undefined {
  const found = folder === undefined ? undefined : (readAll(folder)[key] as Partial<OptimiserVerdict> | undefined);
  return typeof found?.exact === 'boolean' ? { exact: found.exact } : undefined;
}

interface ChangesFields {
  readonly faster: number;
  readonly reason: string;
  readonly anySide: boolean;
}

/** Remembers settings or measurements. A folder that can't be written only costs the next sweep. */
export function remember(
  folder: string | undefined,
  key: string,
  value: ExecutorSettings | MeasuredModel | ChangesWorth | OptimiserVerdict,
): void {
  if (folder === undefined) return;
  try {
    mkdirSync(folder, { recursive: true });
    const all = { ...readAll(folder), [key]: value };
    const temporary = join(folder, `${FILE}.${process.pid}`);
    writeFileSync(temporary, `${JSON.stringify(all, null, 1)}\n`);
    renameSync(temporary, join(folder, FILE));
  } catch {
    // Nothing depends on it.
  }
}

function readAll(folder: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, FILE), 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
