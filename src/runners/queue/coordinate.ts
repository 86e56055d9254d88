import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Plan } from '../../config/plan.ts';
import { plannedImages } from '../../config/samples.ts';
import type { LoadedSuite, Overrides } from '../../config/suite.ts';
import type { Runtime } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { donorsOf } from '../../jobs/donors.ts';
import { throwIfInterrupted } from '../../jobs/interrupt.ts';
import { createLocalServices } from '../../jobs/local-services.ts';
import type { Listener } from '../events.ts';
import { readyJobsOf } from '../ready-jobs.ts';
import { type ModelRun, runGroups } from '../run-model.ts';
import { type ArrayStore, openArrayStore } from './array-store.ts';
import { createAttendance } from './attendance.ts';
import { createEnqueuer } from './enqueue.ts';
import type { Notice } from './messages.ts';
import { openRunQueue, type RunQueue } from './queue-links.ts';
import { connect, disconnect, redisPlace } from './redis.ts';
import { createSettler, type QueuedModel } from './settle.ts';

export interface CoordinateOptions {
  /** Of Redis. */
  readonly address: string;
  /** A folder that all machines see, or `s3://BUCKET/PREFIX`, for arrays; absent: they go through Redis. */
  readonly files?: string;
  /** The suite as it was read, which workers resolve on their machines. */
  readonly suite: LoadedSuite;
  readonly overrides: Overrides;
  readonly onEvent: Listener;
}

const POLL_MS = 100;

/** Waves in a row that bring no result, before the run gives up. */
const MOST_IDLE_WAVES = 10;

/**
 * Does the jobs of a run by workers on a queue. It puts what is ready into the queue, keeps what comes back, and goes
 * on with what has become ready by that, until nothing is left. An interruption leaves the queue as it is; the same
 * run goes on with it. What was lost in the queue is put there again, since the store alone says what is done.
 */
export function coordinate(options: CoordinateOptions): (runs: readonly ModelRun[]) => Promise<void> {
  return async runs => {
    const [first] = runs;
    if (!first) return;
    const warn = (message: string) => options.onEvent({ kind: 'warning', message });
    const place = redisPlace(options.address);
    if (place.open) warn(`${place.shown} is on another machine and without TLS: what is sent can be read on the way.`);
    const redis = await connect(place, warn);
    const { store } = first;
    const id = store.manifest.queue?.id ?? randomBytes(8).toString('hex');
    await store.updateManifest({ queue: { id } });
    const queue = await openRunQueue(id, redis, place);
    let arrays: ArrayStore | undefined;
    try {
      arrays = await openArrayStore(id, redis, options.files);
      await arrays.announce();
      await followQueue(runs, {
        queue,
        arrays,
        notice: noticeOf(id, first.plan, options),
        warn,
        onEvent: options.onEvent,
      });
      await queue.retire(false);
      await arrays.clear();
      await store.updateManifest({ queue: { id, ended: true } });
    } finally {
      arrays?.close();
      await queue.close();
      await disconnect(redis);
    }
  };
}

interface Place {
  readonly queue: RunQueue;
  readonly arrays: ArrayStore;
  readonly notice: Notice;
  readonly warn: (message: string) => void;
  readonly onEvent: Listener;
}

async function followQueue(runs: readonly ModelRun[], { queue, arrays, notice, warn, onEvent }: Place): Promise<void> {
  const { signal, store } = runs[0]!;
  const models = await Promise.all(runs.map(queuedModel));
  await queue.publish(notice, true);
  for (const { id, runtime } of store.manifest.models) if (runtime) await queue.agree(id, runtime);
  await tellKnown(models);
  const attendance = createAttendance(queue, onEvent);
  const settler = createSettler({ models, arrays, warn });
  const enqueuer = createEnqueuer(queue, arrays);
  const opened = new Set<string>();

  /** Keeps what has come back. @returns whether anything had. */
  const gather = async (): Promise<boolean> => {
    throwIfInterrupted(signal);
    const ended = await orInterrupted(queue.ended(), signal);
    for (const one of ended) {
      const images = await settler.settle(one);
      await enqueuer.release(images);
      await one.remove().catch(() => {});
    }
    if (await attendance.look()) {
      // Cancelled while something was put there: that goes too.
      if (await queue.cancelled()) await queue.retire(true);
      if (await queue.cancelled()) throw new CtXaiError('INTERRUPTED', 'the run was cancelled.');
      for (const [model, runtime] of await queue.runtimes()) {
        const run = runs.find(r => r.model.id === model);
        if (!run || opened.has(model)) continue;
        opened.add(model);
        await run.began(runtime as unknown as Runtime, { kind: 'original' });
      }
    }
    return ended.length > 0;
  };

  const drain = async (): Promise<void> => {
    for (let empty = 0; empty < 2; ) {
      if (await gather()) continue;
      const { waiting, active, ended } = await orInterrupted(queue.counts(), signal);
      // Twice, since a block is nowhere for an instant while it is moved.
      empty = waiting + active + ended === 0 ? empty + 1 : 0;
      if (empty < 2) await setTimeout(POLL_MS, undefined, { signal }).catch(() => {});
    }
  };

  const lookForDonors = async () => {
    for (const model of models) model.donors = await donorsOf(model.run.plan, model.run.model, store);
  };

  // What an earlier start put there.
  await drain();
  await lookForDonors();
  for (let idle = 0; ; ) {
    const before = settler.kept();
    const added = await enqueuer.enqueue(models, { workers: attendance.working(), pause: gather });
    if (added === 0) break;
    // Redis may have lost it.
    await queue.publish(notice, false);
    await drain();
    enqueuer.forget();
    await lookForDonors();
    idle = settler.kept() > before ? 0 : idle + 1;
    if (idle >= MOST_IDLE_WAVES) {
      throw new CtXaiError('QUEUE', `workers have brought no result back ${idle} times in a row.`, {
        hint: 'See what the workers print, and start again with the same command.',
      });
    }
  }
  for (const { run, services } of models) await runGroups(run, services);
}

async function queuedModel(run: ModelRun): Promise<QueuedModel> {
  const { plan, store, signal, model } = run;
  return {
    run,
    services: createLocalServices({ plan, store, signal }),
    attempted: new Set(),
    whole: new Set(),
    donors: await donorsOf(plan, model, store),
  };
}

/** Tells of results that earlier starts left. */
async function tellKnown(models: readonly QueuedModel[]): Promise<void> {
  for (const known of models) {
    for await (const { sample } of plannedImages(known.run.plan)) {
      for (const row of (await readyJobsOf(known.run, known, sample)).held.values()) known.run.ended(row, true);
    }
  }
}

/** What Redis answers, unless the run is interrupted while Redis is away. */
function orInterrupted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(new CtXaiError('INTERRUPTED', 'interrupted.'));
    signal.addEventListener('abort', stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function noticeOf(id: string, plan: Plan, { suite: loaded, overrides, files }: CoordinateOptions): Notice {
  const { limit, seed, device, data } = overrides;
  const plugins = (plan.suite.plugins ?? []) as readonly Notice['plugins'][number][];
  return {
    format: 1,
    id,
    name: plan.name,
    version: plan.version,
    planDigest: plan.digest,
    suite: JSON.parse(JSON.stringify({ ...loaded.suite, name: plan.name })) as Record<string, unknown>,
    folder: loaded.folder,
    overrides: {
      ...(limit === undefined ? {} : { limit }),
      ...(seed === undefined ? {} : { seed }),
      ...(device === undefined ? {} : { device }),
      ...(data === undefined ? {} : { data }),
    },
    models: plan.models.map(({ id: model, digest }) => ({ id: model, digest })),
    data: plan.dataset.digest,
    plugins: plugins.map(({ name, source, digest }) => ({ name, source, digest })),
    files: files !== undefined,
  };
}
