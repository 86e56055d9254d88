import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readTextIfThere, writeAtomic } from './files.ts';

/** How far a run has come, in its folder while it works; `ct-xai view` shows it. */
export const PROGRESS_FILE = 'progress.json';

const record = z.object({
  /** When it was written, ms since 1970: a run that works writes every few seconds. */
  at: z.number(),
  /** Predictions, maps and scores; not timings. */
  done: z.number().int().min(0),
  total: z.number().int().min(0),
  failed: z.number().int().min(0),
  secondsLeft: z.number().min(0).optional(),
  /** What is under way, in words. */
  what: z.string().max(500),
  /** Of a queue: who does what. */
  workers: z.array(z.object({ worker: z.string().max(200), what: z.string().max(500) })).max(1000),
});

export type ProgressRecord = z.output<typeof record>;

/** Progress as it was written last; undefined where there is none, or none that can be read. */
export async function readProgress(dir: string): Promise<ProgressRecord | undefined> {
  try {
    const text = await readTextIfThere(join(dir, PROGRESS_FILE));
    return text === undefined ? undefined : record.safeParse(JSON.parse(text)).data;
  } catch {
    // Told by the way: nothing depends on it.
    return undefined;
  }
}

export interface ProgressFile {
  /** Is written with the next one that is due. */
  set(progress: Omit<ProgressRecord, 'at'>): void;
  /** Removes the file: the manifest says how the run ended. */
  end(): Promise<void>;
}

/** Writes progress into a run folder every `everyMs`. A run never fails because of it. */
export function createProgressFile(dir: string, everyMs = 2000): ProgressFile {
  let now: Omit<ProgressRecord, 'at'> | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = () => {
    if (!now) return;
    const text = `${JSON.stringify({ at: Date.now(), ...now })}\n`;
    writing = writing.then(() => writeAtomic(join(dir, PROGRESS_FILE), text)).catch(() => {});
  };
  const timer = setInterval(write, everyMs);
  timer.unref();
  return {
    set(progress) {
      const first = now === undefined;
      now = progress;
      if (first) write();
    },
    async end() {
      clearInterval(timer);
      await writing;
      await rm(join(dir, PROGRESS_FILE), { force: true }).catch(() => {});
    },
  };
}
