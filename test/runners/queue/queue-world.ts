import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolvePlan } from '../../../src/config/resolve.ts';
import { parseSuite } from '../../../src/config/suite.ts';
import type { Registry } from '../../../src/core/registry.ts';
import type { RunEvent } from '../../../src/runners/events.ts';
import { type CoordinateOptions, coordinate } from '../../../src/runners/queue/coordinate.ts';
import { serve, type WorkerOptions } from '../../../src/runners/queue/serve.ts';
import { type RunOptions, runSuite } from '../../../src/runners/run-suite.ts';
import { suiteWith } from '../world.ts';

/** A small suite in which every kind of need occurs: borrowed maps, other weights, whole groups. */
export const QUEUE_SUITE = {
  explainers: ['grad-cam', { use: 'lime', options: { samples: 20, segmentation: 'grid', segments: 9 } }],
  metrics: [{ use: 'deletion', options: { steps: 4 } }, 'pointing-game', 'consistency', 'random-logit'],
};

/** Runs a suite by the queue, in this process. */
export async function runQueued(
  dir: string,
  registry: Registry,
  address: string,
  at: { suite?: object; out?: string; events?: RunEvent[] } & Partial<RunOptions> & Partial<CoordinateOptions> = {},
) {
  const { suite = QUEUE_SUITE, out = 'queued', events = [], files, ...options } = at;
  const loaded = parseSuite(suiteWith(suite), dir);
  const plan = await resolvePlan(loaded, registry);
  const onEvent = (event: RunEvent) => void events.push(event);
  return runSuite(plan, {
    dir: join(dir, out),
    onEvent,
    elsewhere: coordinate({ address, suite: loaded, overrides: {}, onEvent, ...(files ? { files } : {}) }),
    ...options,
  });
}

/** Workers in this process; `stop` ends them. */
export function startWorkers(
  registry: Registry,
  address: string,
  { count = 2, ...options }: { count?: number } & Partial<WorkerOptions> = {},
) {
  const stop = new AbortController();
  const told: string[] = [];
  const ended = Promise.all(
    Array.from({ length: count }, (_, i) =>
      serve({
        address,
        name: `w${i}`,
        plugins: [],
        patienceSeconds: 5,
        registry,
        signal: stop.signal,
        tell: message => void told.push(message),
        ...options,
      }),
    ),
  );
  return {
    told,
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

/** The digest of every table, map, view and curve of a run folder: not of what tells times, order or the command. */
export async function contentsOf(folder: string): Promise<Map<string, string>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name));
  const kept = names.filter(name => /\.(csv|npy)$/.test(name)).sort();
  const read = async (name: string) =>
    [
      name.slice(folder.length),
      createHash('sha256')
        .update(await readFile(name))
        .digest('hex'),
    ] as const;
  return new Map(await Promise.all(kept.map(read)));
}
