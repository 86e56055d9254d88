import type { Plan, PlannedModel } from '../config/plan.ts';
import { type PlannedImage, plannedImages, type Shard, samplesOf } from '../config/samples.ts';
import type { ModelVariant, Runtime, Sample } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { donorsOf } from '../jobs/donors.ts';
import { execute } from '../jobs/execute.ts';
import { throwIfInterrupted } from '../jobs/interrupt.ts';
import type { Isolation } from '../jobs/isolated/isolation.ts';
import { type Job, variantName } from '../jobs/job.ts';
import { createLocalServices, type LocalServices } from '../jobs/local-services.ts';
import type { ModelSession } from '../jobs/open-model.ts';
import { type DonorOf, groupJobsOf, modelRef } from '../jobs/plan-jobs.ts';
import type { JobResult, Services } from '../jobs/services.ts';
import type { Row } from '../results/rows.ts';
import type { RunStore } from '../results/run-store.ts';
import { forEachConcurrently } from './concurrently.ts';
import { readyAsHeld, readyJobsOf } from './ready-jobs.ts';

export interface ModelRun {
  readonly plan: Plan;
  readonly model: PlannedModel;
  readonly store: RunStore;
  /** Only these images; what needs others' results is left to whoever has all of them. */
  readonly shard?: Shard;
  /** Does jobs again that failed in an earlier start. */
  readonly retryFailed: boolean;
  readonly signal: AbortSignal;
  /** Opens the model with these weights, or another of the plan, by its id. */
  readonly open: (variant: ModelVariant, other?: string) => Promise<ModelSession>;
  /** The model is open, and its jobs begin. */
  readonly began: (runtime: Runtime, variant: ModelVariant) => Promise<void>;
  /** Chance effects of a model, by its id, are about to be measured. */
  readonly onChance?: ((model: string) => void) | undefined;
  /** A row is kept, or was (`known`) by an earlier start. */
  readonly ended: (row: Row, known: boolean) => void;
  /** Opening failed. Whether the run goes on without this model: then its rows say why. */
  readonly goesOn: (error: unknown, variant: ModelVariant) => boolean;
  /** Does a job. Default: here, by `execute`. */
  readonly execute?: (job: Job, services: Services) => Promise<JobResult>;
  /** Does jobs of plug-ins where they harm nobody. */
  readonly isolation?: Isolation;
}

/** What is known of one start's progress through the jobs of a model. */
interface RunProgress {
  readonly services: LocalServices;
  /** Keys of jobs that this start has done: failures among them are not tried again. */
  readonly attempted: Set<string>;
  /** Keys of maps whose files were found whole. */
  readonly whole: Set<string>;
  donors: DonorOf;
  wave: number;
  /** What is open, by the name of its weights: kept for as long as the next jobs are for the same. */
  open?: { readonly variant: ModelVariant; readonly session: ModelSession | undefined };
}

/**
 * Does all jobs of a model that the store has no result of, in waves: a wave opens the model with some weights and does
 * every job that is ready for them, image by image; then what depends on those results becomes ready (maps of other
 * patients, scores that need maps under other weights), until nothing is left. Group metrics come last.
 */
export async function runModel(run: ModelRun): Promise<void> {
  const { plan, model, store, signal } = run;
  const services = createLocalServices({
    plan,
    store,
    signal,
    open: ref => run.open(ref.variant, ref.id),
    onChance: run.onChance,
  });
  const progress: RunProgress = {
    services,
    attempted: new Set(),
    whole: new Set(),
    donors: await donorsOf(plan, model, store),
    wave: 0,
  };
  try {
    for (;;) {
      const ready = await readyVariants(run, progress);
      if (ready.length === 0) break;
      for (const variant of ready) await runWave(run, progress, variant);
      progress.donors = await donorsOf(plan, model, store);
      progress.wave++;
    }
  } finally {
    await closeOpen(run, progress);
    await services.close();
  }
  await runGroups(run, services);
}

/** The weights for which jobs are ready: those that are open first, then the original. */
async function readyVariants(run: ModelRun, progress: RunProgress): Promise<ModelVariant[]> {
  const found = new Map<string, ModelVariant>();
  for await (const { sample } of plannedImages(run.plan, run.shard)) {
    throwIfInterrupted(run.signal);
    for (const { job } of (await readyAsHeld(run, progress, sample)).ready) {
      found.set(variantName(job.model.variant), job.model.variant);
    }
  }
  const rank = (v: ModelVariant) => (isOpen(progress, v) ? 0 : v.kind === 'original' ? 1 : 2);
  return [...found.values()].sort((a, b) => rank(a) - rank(b));
}

async function runWave(run: ModelRun, progress: RunProgress, variant: ModelVariant): Promise<void> {
  const session = await opened(run, progress, variant);
  const width = Math.max(2, session?.runtime.workers ?? 1);
  await forEachConcurrently(plannedImages(run.plan, run.shard), width, image =>
    runSample(run, progress, { ...image, variant }),
  );
}

/** The model with these weights; undefined where it can't be opened and the run goes on: its rows say why. */
async function opened(run: ModelRun, progress: RunProgress, variant: ModelVariant): Promise<ModelSession | undefined> {
  if (isOpen(progress, variant)) return progress.open?.session;
  await closeOpen(run, progress);
  const ref = modelRef(run.model, variant);
  try {
    const session = await run.open(variant);
    progress.open = { variant, session };
    await run.began(session.runtime, variant);
    progress.services.use(ref, work => session.run(work));
    return session;
  } catch (error) {
    throwIfInterrupted(run.signal);
    if (progress.open || !run.goesOn(error, variant)) throw error;
    progress.open = { variant, session: undefined };
    progress.services.use(ref, async () => {
      throw asRefusal(error);
    });
    return undefined;
  }
}

function isOpen({ open }: RunProgress, variant: ModelVariant): boolean {
  return open !== undefined && variantName(open.variant) === variantName(variant);
}

async function closeOpen({ model }: ModelRun, progress: RunProgress): Promise<void> {
  const { open, services } = progress;
  if (!open) return;
  services.use(modelRef(model, open.variant), undefined);
  delete progress.open;
  await open.session?.close();
}

/** An engine that can't open the model has not died: it is not started again. */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof CtXaiError) || error.code !== 'ENGINE') return error;
  return new CtXaiError('MODEL', error.message, { ...(error.hint ? { hint: error.hint } : {}), cause: error });
}

/** The jobs of one image that are ready for these weights. */
async function runSample(
  run: ModelRun,
  progress: RunProgress,
  at: PlannedImage & { readonly variant: ModelVariant },
): Promise<void> {
  const { sample, index, variant } = at;
  const { services } = progress;
  throwIfInterrupted(run.signal);
  const found = await readyJobsOf(run, progress, sample);
  if (progress.wave === 0 && variant.kind === 'original') {
    for (const row of found.held.values()) run.ended(row, true);
  }
  const ready = found.ready.filter(({ job }) => variantName(job.model.variant) === variantName(variant));
  if (ready.length === 0) return;
  services.begin(sample, index);
  // The next job need not wait until a row is on the disk; the job after it does.
  let writing: Promise<void> = Promise.resolve();
  try {
    for (const { job, key } of ready) {
      throwIfInterrupted(run.signal);
      const result = await (run.execute ?? run.isolation?.execute ?? execute)(job, services);
      throwIfInterrupted(run.signal);
      services.remember(job, result);
      progress.attempted.add(key);
      await writing;
      writing = run.store.put(result.row, result.arrays).then(row => run.ended(row, false));
      // Whoever waits next gets the error.
      writing.catch(() => {});
      // Another process finds what a job needs in the store.
      if (run.execute) await writing;
    }
  } finally {
    services.end(sample);
    await writing;
  }
}

/** Values of whole groups, which no model is asked for. */
export async function runGroups(run: ModelRun, services: Services): Promise<void> {
  const { plan, model, store, signal } = run;
  if (run.shard || !plan.metrics.some(m => m.metric.scope === 'group')) return;
  const samples: Sample[] = [];
  for await (const sample of samplesOf(plan)) samples.push(sample);
  const done = new Set((await store.rowsBesideSamples()).map(row => row.job));
  for (const { job, key } of groupJobsOf(plan, model, samples)) {
    throwIfInterrupted(signal);
    if (done.has(key)) continue;
    const { row } = await (run.isolation?.execute ?? execute)(job, services);
    await store.put(row);
    run.ended(row, false);
  }
}
