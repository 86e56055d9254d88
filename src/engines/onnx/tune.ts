import { sizeOf } from '../../core/tensor.ts';
import type { Program, Settings } from './executor.ts';
import type { Feed } from './messages.ts';
import type { NormalisedModel } from './model.ts';
import { WorkerPool } from './pool.ts';
import { encodeModel } from './proto.ts';

export type Wishes = { readonly [K in keyof Settings]?: number | undefined };

/** Milliseconds that one setting is measured for; a slow model runs once per worker. */
const MEASURE_MS = 150;

/** A micro-batch that takes longer is not tried: it would gain little, and answer late. */
const LONGEST_MS = 500;

/** Another setting is taken only if it is faster than a simpler one by this factor: timings are noisy. */
const MARGIN = 1.05;

const MICRO_BATCHES = [1, 4, 16];

/**
 * The ways of sharing `cores` among workers and threads that are worth trying, simplest first: a single-threaded
 * worker per core (two of them beat one two-threaded session), and fewer workers with more threads each.
 */
export function divisions(
  cores: number,
  wishes: Wishes,
  weightBytes: number,
  memory: number,
): { workers: number; threads: number }[] {
  const most = Math.max(1, Math.min(16, Math.floor(memory / 4 / Math.max(1, weightBytes))));
  const found: { workers: number; threads: number }[] = [];
  for (let threads = 1; threads <= cores; threads *= 2) {
    const workers = wishes.workers ?? Math.max(1, Math.min(most, Math.floor(cores / (wishes.threads ?? threads))));
    const division = { workers, threads: wishes.threads ?? threads };
    if (!found.some(d => d.workers === workers && d.threads === division.threads)) found.push(division);
  }
  return found;
}

/**
 * The fastest settings for a program on this machine, by a short sweep: first how cores are shared, at the smallest
 * micro-batch, then larger micro-batches as long as they help. What is wished for is taken as it is.
 */
export async function tune(
  program: Program,
  model: NormalisedModel,
  executionProviders: readonly string[],
  wishes: Wishes,
  candidates: readonly { workers: number; threads: number }[],
): Promise<Settings> {
  const fixed = model.dynamicBatch ? wishes.microBatch : model.graph.inputs[0]!.dims[0]!;
  const bytes = encodeModel(program.graph);
  let best: { settings: Settings; speed: number } | undefined;
  const attempt = async (settings: Settings) => {
    const speed = await imagesPerMs(bytes, program, executionProviders, settings);
    const better = best === undefined || speed > best.speed * MARGIN;
    if (better) best = { settings, speed };
    return better;
  };
  const [smallest, ...larger] = fixed === undefined ? MICRO_BATCHES : [fixed];
  if (candidates.length === 1 && larger.length === 0) return { ...candidates[0]!, microBatch: smallest! };
  for (const division of candidates) await attempt({ ...division, microBatch: smallest! });
  for (const microBatch of larger) {
    const { settings, speed } = best!;
    if ((microBatch * settings.workers) / speed > LONGEST_MS) break;
    if (!(await attempt({ ...settings, microBatch }))) break;
  }
  return best!.settings;
}

async function imagesPerMs(
  bytes: Uint8Array,
  program: Program,
  executionProviders: readonly string[],
  settings: Settings,
): Promise<number> {
  const { workers, threads, microBatch } = settings;
  const pool = new WorkerPool(workers);
  try {
    await pool.open('tune', bytes, { executionProviders, threads });
    const round = async (runs: number) => {
      const start = performance.now();
      await Promise.all(Array.from({ length: runs }, () => pool.run('tune', feeds(program, microBatch))));
      return performance.now() - start;
    };
    // The first run allocates; the second says how many make up the time.
    await round(workers);
    const once = await round(workers);
    const more = Math.min(64, Math.floor(MEASURE_MS / Math.max(0.1, once)));
    const took = more > 1 ? await round(workers * more) : once;
    return (workers * Math.max(1, more) * microBatch) / took;
  } finally {
    await pool.close();
  }
}

/** Inputs of the right shapes; convolutions take as long whatever the pixels are. */
function feeds(program: Program, microBatch: number): Feed[] {
  return program.graph.inputs.map(({ name, dims }) => {
    const shape = dims.map(d => d ?? microBatch);
    const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) =>
      name === program.mode ? 0 : Math.sin(i * 0.7),
    );
    return { name, dims: shape, data };
  });
}
