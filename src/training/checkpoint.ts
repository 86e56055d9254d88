import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { TrainerState } from '../core/contracts/training.ts';
import { CtXaiError } from '../core/errors.ts';
import { writeAtomic } from '../results/files.ts';
import type { EpochRecord } from './training-events.ts';

/** Where a training stands between two steps. */
export interface Checkpoint {
  /** Digest of the plan. */
  readonly plan: string;
  /** The epoch under way, from 1, and its steps that are done. */
  readonly epoch: number;
  readonly step: number;
  /** Sum of the losses of those steps. */
  readonly loss: number;
  readonly history: readonly EpochRecord[];
  readonly seconds: number;
  readonly now: TrainerState;
  /** The state with the best validation AUC so far, and its epoch. */
  readonly best?: { readonly epoch: number; readonly state: TrainerState } | undefined;
}

const MAGIC = 'ct-xai training 1\n';

/** Writes a checkpoint in one piece: a kill leaves the old one or the new one. */
export async function writeCheckpoint(path: string, { now, best, ...rest }: Checkpoint): Promise<void> {
  const tensors = [
    ...[...now].map(([name, data]) => ({ of: 'now', name, data })),
    ...[...(best?.state ?? [])].map(([name, data]) => ({ of: 'best', name, data })),
  ];
  const header = JSON.stringify({
    ...rest,
    ...(best ? { best: best.epoch } : {}),
    tensors: tensors.map(({ of, name, data }) => [of, name, data.length]),
  });
  const pieces = [MAGIC, `${Buffer.byteLength(header)}\n`, header];
  async function* body(): AsyncGenerator<string | Uint8Array> {
    yield pieces.join('');
    for (const { data } of tensors) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  await writeAtomic(path, body());
}

interface Header extends Omit<Checkpoint, 'now' | 'best'> {
  readonly best?: number;
  readonly tensors: readonly (readonly ['now' | 'best', string, number])[];
}

/** @throws CtXaiError IO if the file is damaged. */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  if (!existsSync(path)) return undefined;
  const bytes = await readFile(path);
  const damaged = (cause?: unknown) =>
    new CtXaiError('IO', `${path} is no checkpoint, or a damaged one.`, { hint: 'Start anew with --fresh.', cause });
  const start = bytes.indexOf('\n', MAGIC.length) + 1;
  if (bytes.subarray(0, MAGIC.length).toString() !== MAGIC || start === 0) throw damaged();
  const end = start + Number(bytes.subarray(MAGIC.length, start).toString());
  let header: Header;
  try {
    header = JSON.parse(bytes.subarray(start, end).toString()) as Header;
  } catch (cause) {
    throw damaged(cause);
  }
  const { tensors, best, ...rest } = header;
  const states = { now: new Map<string, Float32Array>(), best: new Map<string, Float32Array>() };
  let at = end;
  for (const [of, name, length] of tensors) {
    const piece = bytes.subarray(at, at + 4 * length);
    if (piece.length !== 4 * length) throw damaged();
    states[of].set(name, new Float32Array(new Uint8Array(piece).buffer));
    at += 4 * length;
  }
  return { ...rest, now: states.now, ...(best === undefined ? {} : { best: { epoch: best, state: states.best } }) };
}
