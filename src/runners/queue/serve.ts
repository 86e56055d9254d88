import { cpus, hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Plan, PlannedModel } from '../../config/plan.ts';
import { type OwnPlaces, resolveElsewhere } from '../../config/plan-elsewhere.ts';
import type { ModelVariant, Runtime } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { createIsolation, type Isolation } from '../../jobs/isolated/isolation.ts';
import { type ModelSession, openModel, openSession } from '../../jobs/open-model.ts';
import { openArrayStore } from './array-store.ts';
import { type BlockWork, createBlockWork } from './block-work.ts';
import { createHands } from './hands.ts';
import { type Notice, parseJson, readBlock, readNotice, readRuntime } from './messages.ts';
import { connect, disconnect, keyFor, QUEUE_PREFIX, queueName, type RedisPlace, RUNS, redisPlace } from './redis.ts';

export interface WorkerOptions extends OwnPlaces {
  /** Of Redis. */
  readonly address: string;
  /** What the worker is called; default: host and process. */
  readonly name?: string;
  /** Which device of the run's kind; absent: the run's. */
  readonly device?: string;
  /** The folder or bucket (`s3://…`) for arrays, where the run uses one. */
  readonly files?: string;
  /** Ends after so many seconds without work; absent: waits for ever. */
  readonly idleSeconds?: number;
  /** A worker that is silent for so long is taken for dead. */
  readonly patienceSeconds: number;
  readonly registry: Registry;
  /** The module of the thread that plug-ins run in; absent: they run in this one. */
  readonly pluginWorker?: URL;
  readonly cacheDir?: string;
  readonly signal: AbortSignal;
  readonly tell: (message: string) => void;
}

const LOOK_MS = 1000;

/**
 * Works for the runs in Redis, the oldest that it can work for first, until it is told to stop. A run of another version,
 * model or data is refused, and its coordinator told why.
 */
export async function serve(options: WorkerOptions): Promise<void> {
  const place = redisPlace(options.address);
  const redis = await connect(place, options.tell);
  const name = options.name ?? `${hostname()}-${process.pid}`;
  const refusals = new Map<string, string>();
  const work = { last: performance.now() };
  const idle = () => performance.now() - work.last > 1000 * (options.idleSeconds ?? Number.POSITIVE_INFINITY);
  try {
    options.tell(`${name} waits for work at ${place.shown}`);
    while (!options.signal.aborted) {
      for (const id of await untilAborted(redis.zrange(RUNS, '0', '-1'), options.signal, [])) {
        await serveRun(id, { options, place, redis, name, refusals, work, idle });
        if (options.signal.aborted) break;
      }
      if (idle()) {
        options.tell('there was no work, so this worker ends');
        break;
      }
      await setTimeout(LOOK_MS, undefined, { signal: options.signal }).catch(() => {});
    }
  } finally {
    await disconnect(redis);
  }
}

interface RunServing {
  readonly options: WorkerOptions;
  readonly place: RedisPlace;
  readonly redis: Redis;
  readonly name: string;
  /** Runs that were refused, with the text of their notice: a changed notice is looked at again. */
  readonly refusals: Map<string, string>;
  /** When the last block ended, by this process's clock. */
  readonly work: { last: number };
  readonly idle: () => boolean;
}

/** Works for one run for as long as it has something to do. */
async function serveRun(id: string, at: RunServing): Promise<void> {
  const { options, redis, refusals } = at;
  const text = await redis.get(keyFor(id, 'notice'));
  if (text === null || refusals.get(id) === text) return;
  let work: BlockWork;
  const gone = new AbortController();
  const signal = AbortSignal.any([options.signal, gone.signal]);
  try {
    const notice = readNotice(parseJson(text, 'the description of a run'));
    if (notice.id !== id) throw new CtXaiError('QUEUE', 'the description of the run is that of another run.');
    work = await prepare(notice, at, signal);
  } catch (error) {
    const reason = messageOf(error);
    refusals.set(id, text);
    options.tell(`run ${id} is refused: ${reason}`);
    await present(at, id, reason);
    return;
  }
  try {
    await takeBlocks(id, at, { work, gone });
  } finally {
    await work.close();
    await redis.hdel(keyFor(id, 'workers'), at.name).catch(() => {});
  }
}

async function prepare(notice: Notice, at: RunServing, signal: AbortSignal): Promise<BlockWork> {
  const { options, redis, name } = at;
  if (notice.files && options.files === undefined) {
    throw new CtXaiError(
      'QUEUE',
      'the run keeps arrays in a shared folder or bucket, and this worker was not told where.',
      {
        hint: 'Name it with --files.',
      },
    );
  }
  const plan = await resolveElsewhere(notice, options, options.registry);
  const arrays = await openArrayStore(notice.id, redis, notice.files ? options.files : undefined);
  if (notice.files && !(await arrays.isRight())) {
    arrays.close();
    throw new CtXaiError('QUEUE', `the run does not keep its arrays in ${options.files}.`, {
      hint: 'Name the same folder or bucket with --files as the run does.',
    });
  }
  options.tell(`works for '${notice.name}' (${notice.id})`);
  return createBlockWork({
    plan,
    worker: name,
    arrays,
    hands: createHands(notice.id, redis, name),
    signal,
    ...isolationOf(notice, plan, options),
    open: (model, variant) => openAgreed({ at, run: notice.id, plan, signal }, model, variant),
  });
}

/** Plug-ins run apart, under the suite's limits, as they do in a run on one machine. */
function isolationOf(
  notice: Notice,
  { limits, digest }: Plan,
  { pluginWorker, plugins, models, data, tell }: WorkerOptions,
): { isolation?: Isolation } {
  if (!pluginWorker || !limits || notice.plugins.length === 0) return {};
  const own = { plugins, ...(models === undefined ? {} : { models }), ...(data === undefined ? {} : { data }) };
  const warn = (message: string) => tell(`warning: something of a plug-in failed that nobody waits for: ${message}`);
  const source = { kind: 'elsewhere', notice, own } as const;
  return { isolation: createIsolation({ worker: pluginWorker, source, limits, digest, warn }) };
}

interface Opening {
  readonly at: RunServing;
  readonly run: string;
  readonly plan: Parameters<typeof openModel>[0];
  readonly signal: AbortSignal;
}

/** Opens a model with the settings that all workers of the run use: those that the first of them measured. */
async function openAgreed(opening: Opening, model: PlannedModel, variant: ModelVariant): Promise<ModelSession> {
  const { at, run } = opening;
  const key = keyFor(run, 'runtimes');
  const agreed = await at.redis.hget(key, model.id);
  if (agreed !== null) return openAs(opening, model, variant, readAgreed(agreed));
  const session = await openAs(opening, model, variant, undefined);
  if ((await at.redis.hsetnx(key, model.id, JSON.stringify(session.runtime))) === 1) return session;
  await session.close();
  return openAgreed(opening, model, variant);
}

function readAgreed(text: string): Runtime {
  return readRuntime(parseJson(text, 'how a model runs')) as unknown as Runtime;
}

async function openAs(
  { at, plan, signal }: Opening,
  model: PlannedModel,
  variant: ModelVariant,
  agreed: Runtime | undefined,
): Promise<ModelSession> {
  const { device, cacheDir, tell } = at.options;
  const kind = (name: string) => name.split(':', 1)[0]!;
  if (agreed && device !== undefined && kind(device) !== kind(agreed.device)) {
    throw new CtXaiError('DEVICE', `this run's values are made on '${agreed.device}', not on '${device}'.`);
  }
  return openSession(
    earlier => {
      const settings = earlier ?? (agreed && device !== undefined ? { ...agreed, device } : agreed);
      return openModel(device === undefined ? plan : { ...plan, engine: { ...plan.engine, device } }, model, {
        signal,
        variant,
        ...(settings ? { earlier: settings } : {}),
        ...(cacheDir === undefined ? {} : { cacheDir }),
      });
    },
    message => tell(`warning: ${message}`),
  );
}

/** Takes blocks until the run is over, the worker is told to stop, or another run waits and this one has nothing. */
async function takeBlocks(
  id: string,
  at: RunServing,
  { work, gone }: { readonly work: BlockWork; readonly gone: AbortController },
): Promise<void> {
  const { options, place, redis, name } = at;
  const { Worker } = await import('bullmq');
  const patience = options.patienceSeconds * 1000;
  let busy = false;
  let last = performance.now();
  const worker = new Worker(
    queueName(id),
    async job => {
      busy = true;
      try {
        const done = await work.work(job.id ?? '', readBlock(job.data), doing => {
          const now = performance.now();
          if (now - last < LOOK_MS) return;
          last = now;
          job.updateProgress(doing).catch(() => {});
        });
        if (done.problem && done.problem.kind !== 'stopped') {
          options.tell(`a block did not come to its end: ${done.problem.reason}`);
          // Others may have more luck with the next one.
          await setTimeout(LOOK_MS, undefined, { signal: options.signal }).catch(() => {});
        }
        return done;
      } finally {
        busy = false;
        at.work.last = performance.now();
      }
    },
    {
      connection: { ...place.options, maxRetriesPerRequest: null },
      prefix: QUEUE_PREFIX,
      name,
      concurrency: 1,
      lockDuration: patience,
      stalledInterval: Math.max(500, patience / 2),
      // How often is decided job by job: see `Hands`.
      maxStalledCount: 100,
      drainDelay: 1,
      runRetryDelay: LOOK_MS,
    },
  );
  worker.on('error', () => {});
  worker.on('lockRenewalFailed', () => options.tell('the block at hand was given to another worker'));
  let quiet = 0;
  try {
    while (!options.signal.aborted) {
      await present(at, id);
      await setTimeout(LOOK_MS, undefined, { signal: options.signal }).catch(() => {});
      const runs = await untilAborted(redis.zrange(RUNS, '0', '-1'), options.signal, [id]);
      if (!runs.includes(id)) break;
      quiet = busy ? 0 : quiet + 1;
      if (!busy && at.idle()) break;
      if (quiet > 2 && runs.some(run => run !== id && !at.refusals.has(run))) break;
    }
  } finally {
    gone.abort();
    // A timer that is left over must not keep the process alive.
    await Promise.race([worker.close().catch(() => {}), setTimeout(patience, undefined, { ref: false })]);
  }
}

/** Tells the run's coordinator that this worker is there, or why it does not work for the run. */
async function present({ redis, name, options }: RunServing, run: string, refused?: string): Promise<void> {
  const entry = {
    worker: name,
    host: hostname(),
    pid: process.pid,
    cpu: cpus()[0]?.model.trim() || process.arch,
    seen: Date.now(),
    ...(refused === undefined ? {} : { refused }),
  };
  await untilAborted(redis.hset(keyFor(run, 'workers'), name, JSON.stringify(entry)), options.signal, 0);
}

/** What Redis answers; `otherwise` where the worker is told to stop while Redis is away. */
function untilAborted<T>(answer: Promise<T>, signal: AbortSignal, otherwise: T): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => resolve(otherwise);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
