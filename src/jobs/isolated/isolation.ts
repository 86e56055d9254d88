import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { execute } from '../execute.ts';
import { throwIfInterrupted } from '../interrupt.ts';
import { type Job, keyOf, type PartRef } from '../job.ts';
import { EngineLost } from '../open-model.ts';
import type { JobResult, Services } from '../services.ts';
import { type PluginThread, startThread, type ThreadOptions } from './thread.ts';

/** Runs jobs with plug-in parts in a thread that can be ended. */
export interface Isolation {
  execute(job: Job, services: Services): Promise<JobResult>;
  /** Has the job's image ready in the thread, so that a measured job does not wait for it. */
  prepare(job: Job, services: Services): Promise<void>;
  /** Ends the thread; the next job begins another. */
  close(): Promise<void>;
}

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
export function createIsolation(options: ThreadOptions): Isolation {
  let thread: PluginThread | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const running = (): PluginThread => {
    if (!thread || thread.ended) thread = startThread(options);
    return thread;
  };
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  const run = async (job: Job, services: Services): Promise<JobResult> => {
    throwIfInterrupted(services.signal);
    try {
      return await running().run(job, services);
    } catch (error) {
      throwIfInterrupted(services.signal);
      if (error instanceof EngineLost) throw error;
      return failed(job, services, error);
    }
  };
  return {
    execute(job, services) {
      return hasPluginParts(job, services.registry) ? inTurn(() => run(job, services)) : execute(job, services);
    },
    async prepare(job, services) {
      if (!hasPluginParts(job, services.registry)) return;
      // The job itself meets the failure again, and says so.
      await inTurn(() => running().prepare(job, services)).catch(() => {});
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
