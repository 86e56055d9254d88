import { Worker } from 'node:worker_threads';
import type { PluginLimits } from '../../config/plan.ts';
import type { OwnPlaces, PlanNotice } from '../../config/plan-elsewhere.ts';
import type { Overrides } from '../../config/suite.ts';
import type { FullClassifier } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { execute } from '../execute.ts';
import { throwIfInterrupted } from '../interrupt.ts';
import { type Job, keyOf, type PartRef } from '../job.ts';
import { EngineLost } from '../open-model.ts';
import type { JobResult, Services } from '../services.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { received, sent } from './sent-error.ts';
import { answer } from './serve-model.ts';

/** How the plug-ins' thread begins. */
export interface PluginThreadData {
  readonly file: string;
  readonly overrides: Overrides;
  /** A plan of another machine, with where things lie on this one; then `file` is not read. */
  readonly elsewhere?: { readonly notice: PlanNotice; readonly own: OwnPlaces };
}

export interface IsolationOptions extends PluginThreadData {
  /** The module of the thread; it calls `runPluginThread`. */
  readonly worker: URL;
  readonly limits: PluginLimits;
  /** The plan's, which the thread's own must have too. */
  readonly digest: string;
  /** Is told what failed in the thread with nobody waiting for it. */
  readonly warn: (message: string) => void;
}

/** Runs jobs with plug-in parts in a thread that can be ended. */
export interface Isolation {
  execute(job: Job, services: Services): Promise<JobResult>;
  close(): Promise<void>;
}

/** How often the memory is looked at, milliseconds. */
const LOOK_MS = 100;
const MIB = 2 ** 20;
/** The thread reads data and models' cards before its first job. */
const START_SECONDS = 600;

/** Whether a job runs code of a plug-in, its data readers apart. */
export function hasPluginParts(job: Job, { explainers, metrics, baselines, pluginOf }: Registry): boolean {
  const foreign = (part: object | undefined) => part !== undefined && pluginOf(part) !== undefined;
  const explains = (part: PartRef): boolean =>
    foreign(explainers.get(part.use)) ||
    (part.baseline !== undefined && foreign(baselines.get(part.baseline))) ||
    (part.of !== undefined && explains(part.of));
  if (job.kind === 'predict') return false;
  if (job.kind === 'explain') return explains(job.explainer);
  const metric = metrics.get(job.metric.use);
  const baseline = job.metric.baseline;
  if (foreign(metric) || (baseline !== undefined && foreign(baselines.get(baseline)))) return true;
  return metric?.needs.includes('explain') === true && explains(job.explainer);
}

/**
 * Jobs with plug-in parts, one after the other, in a thread with a limit on time and memory. A thread that breaks one,
 * or ends itself, is ended; the job's row says so, and the next job gets a new thread. All other jobs run here.
 */
export function createIsolation(options: IsolationOptions): Isolation {
  let thread: PluginThread | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const run = async (job: Job, services: Services): Promise<JobResult> => {
    throwIfInterrupted(services.signal);
    if (!thread || thread.ended) thread = startThread(options);
    try {
      return await thread.run(job, services);
    } catch (error) {
      throwIfInterrupted(services.signal);
      if (error instanceof EngineLost) throw error;
      return failed(job, services, error);
    }
  };
  return {
    execute(job, services) {
      if (!hasPluginParts(job, services.registry)) return execute(job, services);
      const done = last.then(() => run(job, services));
      last = done.catch(() => {});
      return done;
    },
    async close() {
      await thread?.end();
    },
  };
}

/** The row of a job that never came to its end, as if its model had thrown this. */
async function failed(job: Job, services: Services, error: unknown): Promise<JobResult> {
  const stopped = error instanceof CtXaiError ? error : new CtXaiError('PLUGIN', messageOf(error));
  if (job.kind === 'group-score') {
    const { model, explainer, metric } = job;
    const names = { job: keyOf(job), model: model.id, method: explainer.id, metric: metric.id };
    return { row: { kind: 'group', ...names, maps: job.needs.length, status: 'failed', reason: stopped.message } };
  }
  return execute(job, {
    ...services,
    onModel: () => Promise.reject(new CtXaiError('PLUGIN', stopped.message)),
  });
}

interface PluginThread {
  readonly ended: boolean;
  run(job: Job, services: Services): Promise<JobResult>;
  end(): Promise<void>;
}

function startThread({
  worker: url,
  limits,
  digest,
  warn,
  file,
  overrides,
  elsewhere,
}: IsolationOptions): PluginThread {
  const worker = new Worker(url, {
    name: 'ct-xai plug-ins',
    workerData: { file, overrides, ...(elsewhere ? { elsewhere } : {}) } satisfies PluginThreadData,
    resourceLimits: { maxOldGenerationSizeMb: limits.memory },
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
  let jobs = 0;
  return {
    get ended() {
      return ended !== undefined;
    },
    async run(job, services) {
      const interrupted = () => stop('interrupted');
      services.signal.addEventListener('abort', interrupted, { once: true });
      const startTimer = setTimeout(() => stop('its thread did not start'), START_SECONDS * 1000);
      let watch: NodeJS.Timeout | undefined;
      try {
        await ready;
        clearTimeout(startTimer);
        const results: JobResult[] = [];
        for (const need of job.needs) {
          const found = await services.result(need, job.model);
          if (found) results.push(found);
        }
        const message = await new Promise<FromWorker | CtXaiError>(settle => {
          current = { services, settle };
          watch = watched(limits, stop);
          if (ended) settle(ended);
          else say({ kind: 'job', id: jobs++, job, results });
        });
        if (lost) throw lost;
        if (message instanceof CtXaiError) throw message;
        if (message.kind !== 'done') throw new CtXaiError('PLUGIN', 'its thread gave no answer');
        if (!message.result) throw received(message.error ?? { message: 'its thread gave no result' });
        return message.result;
      } finally {
        clearTimeout(startTimer);
        clearInterval(watch);
        current = undefined;
        services.signal.removeEventListener('abort', interrupted);
      }
    },
    async end() {
      ended ??= new CtXaiError('PLUGIN', 'the run has ended');
      await worker.terminate();
    },
  };
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
