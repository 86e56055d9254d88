import { Worker } from 'node:worker_threads';
import type { PluginLimits } from '../../config/plan.ts';
import type { OwnPlaces, PlanNotice } from '../../config/plan-elsewhere.ts';
import type { Overrides } from '../../config/suite.ts';
import type { FullClassifier } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { Job } from '../job.ts';
import { EngineLost } from '../open-model.ts';
import type { JobResult, Services } from '../services.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { received, sent } from './sent-error.ts';
import { answer } from './serve-model.ts';

/** What the plug-ins' thread makes its plan from, as the other thread made its own. */
export type PlanSource =
  | { readonly kind: 'suite'; readonly file: string; readonly overrides: Overrides }
  /** A plan of another machine, with where things lie on this one. */
  | { readonly kind: 'elsewhere'; readonly notice: PlanNotice; readonly own: OwnPlaces }
  /** The arguments of a command that needs no suite. */
  | { readonly kind: 'explain' | 'time'; readonly argv: object; readonly model: number };

export interface ThreadOptions {
  /** The module of the thread; it calls `runPluginThread`. */
  readonly worker: URL;
  readonly source: PlanSource;
  readonly limits: PluginLimits;
  /** The plan's, which the thread's own must have too. */
  readonly digest: string;
  /** Is told what failed in the thread with nobody waiting for it. */
  readonly warn: (message: string) => void;
}

/** A thread that does jobs one by one, and is ended where one of them breaks a limit. */
export interface PluginThread {
  readonly ended: boolean;
  /** @throws CtXaiError PLUGIN saying why the thread was ended */
  run(job: Job, services: Services): Promise<JobResult>;
  prepare(job: Job, services: Services): Promise<void>;
  end(): Promise<void>;
}

/** How often the memory is looked at, milliseconds. */
const LOOK_MS = 100;
const MIB = 2 ** 20;
/**
 * What the thread's heap may hold beyond the limit: V8 ends the whole process where a thread is terminated whose heap is
 * full, so that looking at the memory must come first.
 */
const HEADROOM_MB = 1024;
/** The thread reads data and models' cards before its first job. */
const START_SECONDS = 600;

type Work = Extract<ToWorker, { kind: 'job' | 'prepare' }>;

export function startThread({ worker: url, limits, digest, warn, source }: ThreadOptions): PluginThread {
  const worker = new Worker(url, {
    name: 'ct-xai plug-ins',
    workerData: source,
    resourceLimits: { maxOldGenerationSizeMb: limits.memory + HEADROOM_MB },
  });
  let ended: CtXaiError | undefined;
  let current: { readonly services: Services; readonly settle: (message: FromWorker | CtXaiError) => void } | undefined;
  let settleReady: (error?: CtXaiError) => void = () => {};
  const ready = new Promise<void>((resolve, reject) => {
    settleReady = error => (error ? reject(error) : resolve());
  });
  ready.catch(() => {});
  const say = (message: ToWorker) => worker.postMessage(message);
  const stop = (why: string): void => {
    if (ended) return;
    ended = new CtXaiError('PLUGIN', why);
    void worker.terminate();
    settleReady(ended);
    current?.settle(ended);
  };
  worker.on('error', (error: NodeJS.ErrnoException) => {
    const full = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    stop(full ? `it used more than ${limits.memory} MiB (limits.memory)` : `its thread broke: ${messageOf(error)}`);
  });
  worker.on('exit', code => stop(`it ended its own process (exit code ${code})`));
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'stray') warn(message.message);
    else if (message.kind === 'lost') stop(`the plan can't be read again: ${message.error.message}`);
    else if (message.kind === 'done') current?.settle(message);
    else if (message.kind === 'ask') void reply(message);
    else if (message.digest === digest) settleReady();
    else stop('the suite, its models or its data have changed since the run began');
  });
  const reply = async ({ id, model, question }: Extract<FromWorker, { kind: 'ask' }>): Promise<void> => {
    const services = current?.services;
    if (!services) return;
    try {
      const work = (classifier: FullClassifier) => answer(classifier, question, services.signal);
      say({ kind: 'answer', id, value: await services.onModel(model, work) });
    } catch (error) {
      if (error instanceof EngineLost) lost = error;
      say({ kind: 'answer', id, error: sent(error) });
    }
  };
  let lost: EngineLost | undefined;
  let asked = 0;

  /** Has the thread do something, under the limits. */
  const exchange = async (
    services: Services,
    work: (id: number) => Promise<Work>,
  ): Promise<Extract<FromWorker, { kind: 'done' }>> => {
    const interrupted = () => stop('interrupted');
    services.signal.addEventListener('abort', interrupted, { once: true });
    const startTimer = setTimeout(() => stop('its thread did not start'), START_SECONDS * 1000);
    let watch: NodeJS.Timeout | undefined;
    try {
      await ready;
      clearTimeout(startTimer);
      const request = await work(asked++);
      const message = await new Promise<FromWorker | CtXaiError>(settle => {
        current = { services, settle };
        watch = watched(limits, stop);
        if (ended) settle(ended);
        else say(request);
      });
      if (lost) throw lost;
      if (message instanceof CtXaiError) throw message;
      if (message.kind !== 'done') throw new CtXaiError('PLUGIN', 'its thread gave no answer');
      if (message.error) throw received(message.error);
      return message;
    } finally {
      clearTimeout(startTimer);
      clearInterval(watch);
      current = undefined;
      services.signal.removeEventListener('abort', interrupted);
    }
  };

  return {
    get ended() {
      return ended !== undefined;
    },
    async run(job, services) {
      const { measured } = services;
      const done = await exchange(services, async id => ({
        kind: 'job',
        id,
        job,
        results: await resultsFor(job, services),
        ...(measured ? { variation: measured.variation } : {}),
      }));
      if (!done.result) throw new CtXaiError('PLUGIN', 'its thread gave no result');
      measured?.told({ drawn: done.drawn ?? false, jsMs: done.jsMs ?? 0 });
      return done.result;
    },
    async prepare(job, services) {
      await exchange(services, async id => ({ kind: 'prepare', id, job }));
    },
    async end() {
      ended ??= new CtXaiError('PLUGIN', 'the run has ended');
      await worker.terminate();
    },
  };
}

/** Results of other jobs that this one takes. */
async function resultsFor(job: Job, services: Services): Promise<JobResult[]> {
  const results: JobResult[] = [];
  for (const need of job.needs) {
    const found = await services.result(need, job.model);
    if (found) results.push(found);
  }
  return results;
}

/** Stops a job that takes too long, or whose memory (which may lie outside the thread's heap) grows too far. */
function watched({ seconds, memory }: PluginLimits, stop: (why: string) => void): NodeJS.Timeout {
  const begun = performance.now();
  const before = process.memoryUsage.rss();
  return setInterval(() => {
    if (performance.now() - begun > seconds * 1000) stop(`it took more than ${seconds} s (limits.seconds)`);
    else if (process.memoryUsage.rss() - before > memory * MIB) stop(`it used more than ${memory} MiB (limits.memory)`);
  }, LOOK_MS);
}
