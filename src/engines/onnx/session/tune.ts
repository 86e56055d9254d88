import { sizeOf } from '../../../core/tensor.ts';
import { encodeByReference } from '../graph/by-reference.ts';
import { encodeModel } from '../graph/proto.ts';
import type { Feed, SessionSettings } from './onnx-messages.ts';
import type { OnnxPool } from './onnx-pool.ts';
import type { ExecutorSettings, Prepared } from './program-sessions.ts';
import type { Program } from './programs.ts';

/** Settings that are given; the others are found. */
export type Wishes = { readonly [K in keyof ExecutorSettings]?: number | undefined };

/** How cores are shared. */
export type Division = Omit<ExecutorSettings, 'microBatch'>;

/** Milliseconds that one setting is measured for; a slow model runs once per worker. */
const MEASURE_MS = 150;

/** Where a pass takes longer, three are made, and the fastest counts. */
const SLOW_MS = 25;

/** A micro-batch that takes longer is not tried: it would gain little, and answer late. */
const LONGEST_MS = 500;
/**
 * On the CPU more images are not tried where one pass takes longer: several at once are hardly faster then, and of a
 * gradient each needs memory for all activations at a time.
 */
const LONGEST_ALONE_MS = { forward: 40, gradient: 25 };

/** Another setting is taken only if it is faster than a simpler one by this factor: timings are noisy. */
const MARGIN = 1.05;

/** Images of one pass that are tried. */
const MICRO_BATCHES: readonly number[] = [1, 4, 16];

const MOST_WORKERS = 16;

/**
 * The ways of sharing `cores` among workers and threads that are worth trying, simplest first: a single-threaded
 * worker per core (two of them beat one two-threaded session), then fewer workers with more threads each. Each worker
 * has its own copy of the weights; together they take a quarter of `memory` at most.
 */
export function divisions(cores: number, wishes: Wishes, weightBytes: number, memory: number): Division[] {
  const fitting = Math.max(1, Math.floor(memory / 4 / Math.max(1, weightBytes)));
  const found: Division[] = [];
  for (let each = 1; each <= cores; each *= 2) {
    const threads = wishes.threads ?? each;
    const workers = wishes.workers ?? Math.max(1, Math.min(MOST_WORKERS, fitting, Math.floor(cores / threads)));
    if (!found.some(d => d.workers === workers && d.threads === threads)) found.push({ workers, threads });
  }
  return found;
}

/**
 * Opens a program with the fastest settings on this machine, by a short sweep: first how cores are shared, at the
 * smallest micro-batch, then larger micro-batches as long as they help.
 * @param microBatch where it is given or fixed by the model
 */
export async function tune(
  pool: OnnxPool,
  name: string,
  program: Program,
  base: Omit<SessionSettings, 'threads'>,
  candidates: readonly Division[],
  microBatch: number | undefined,
): Promise<Prepared> {
  const [smallest, ...larger] = microBatch === undefined ? MICRO_BATCHES : [microBatch];
  const only = candidates.length === 1 && larger.length === 0;
  const onCpu = base.executionProviders.every(p => (typeof p === 'string' ? p : p.name) === 'cpu');
  // A session with a profile is opened anew for each label, when the files may be others.
  const source = base.profile ? encodeModel(program.graph) : encodeByReference(program.graph);
  let best: (Prepared & { speed: number }) | undefined;
  for (const division of candidates) {
    const settings = { ...division, microBatch: smallest! };
    const session = `${name} ${division.workers}x${division.threads}`;
    await pool.open(session, source, { ...base, threads: division.threads }, division.workers);
    const speed = only ? 1 : await imagesPerMs(pool, session, program, settings, onCpu);
    const worse = best !== undefined && speed <= best.speed * MARGIN ? session : best?.session;
    if (worse !== session) best = { session, settings, speed };
    if (worse !== undefined) await pool.drop(worse);
  }
  const reopened = async () => {
    const { session, settings } = best!;
    await pool.drop(session);
    await pool.open(session, source, { ...base, threads: settings.threads }, settings.workers);
  };
  for (const more of larger) {
    const { session, settings, speed } = best!;
    const milliseconds = (settings.microBatch * settings.workers) / speed;
    if ((milliseconds * more) / settings.microBatch > LONGEST_MS) break;
    if (onCpu && milliseconds > (program.gradients ? LONGEST_ALONE_MS.gradient : LONGEST_ALONE_MS.forward)) break;
    const faster = await imagesPerMs(pool, session, program, { ...settings, microBatch: more }, onCpu).catch(() => 0);
    // It does not fit: what is left of the session is not to be trusted.
    if (faster === 0) await reopened();
    if (faster <= speed * MARGIN) break;
    best = { session, settings: { ...settings, microBatch: more }, speed: faster };
  }
  const { session, settings } = best!;
  return { session, settings };
}

async function imagesPerMs(
  pool: OnnxPool,
  session: string,
  program: Program,
  settings: ExecutorSettings,
  onCpu: boolean,
): Promise<number> {
  const { workers, microBatch } = settings;
  const made = feeds(program, microBatch);
  const copy = () => made.map(feed => ({ ...feed, data: feed.data.slice() }));
  const round = async (runs: number) => {
    const start = performance.now();
    await Promise.all(Array.from({ length: runs }, () => pool.run(session, copy(), workers)));
    return performance.now() - start;
  };
  // The first run allocates, which matters little where a pass is long; the second says how many make up the time. On a
  // GPU the first run also compiles kernels, or chooses among them, which can take a hundred times as long as the others.
  const first = await round(workers);
  if (onCpu && first > MEASURE_MS) return (workers * microBatch) / first;
  const once = await round(workers);
  if (onCpu && once > SLOW_MS) return (workers * microBatch) / Math.min(first, once, await round(workers));
  const more = Math.min(64, Math.floor(MEASURE_MS / Math.max(0.1, once)));
  const took = more > 1 ? await round(workers * more) : once;
  return (workers * Math.max(1, more) * microBatch) / took;
}

/** A wave, as long as was needed so far, by its shift. */
const waves = new Map<number, Float32Array>();

function waveOf(length: number, shift: number): Float32Array {
  let wave = waves.get(shift);
  if (!wave || wave.length < length) {
    wave = Float32Array.from({ length }, (_, i) => Math.sin(i * 0.7 + shift));
    waves.set(shift, wave);
  }
  return wave.slice(0, length);
}

/** Inputs of the right shapes; convolutions take as long whatever the pixels are. */
export function feeds(program: Program, microBatch: number): Feed[] {
  return program.graph.inputs.map(({ name, dims }) => {
    const shape = dims.map((d, axis) => d ?? program.sizes?.get(name)?.[axis - 2] ?? microBatch);
    // A reference image that equals the image would be no test of rules that compare the two.
    const shift = name === program.reference?.image ? 1 : 0;
    const data = name === program.mode ? new Float32Array(sizeOf(shape)) : waveOf(sizeOf(shape), shift);
    return { name, dims: shape, data };
  });
}
