import type { Plan, PlannedModel } from '../../config/plan.ts';
import { type PlannedImage, plannedImages } from '../../config/samples.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { execute } from '../../jobs/execute.ts';
import type { Isolation } from '../../jobs/isolated/isolation.ts';
import { type Job, variantName } from '../../jobs/job.ts';
import { createLocalServices } from '../../jobs/local-services.ts';
import { EngineLost, type ModelSession } from '../../jobs/open-model.ts';
import { type DonorOf, jobsOf, type PlannedJob } from '../../jobs/plan-jobs.ts';
import { refused } from '../../jobs/refused.ts';
import type { RunStore } from '../../results/run-store.ts';
import { forEachConcurrently } from '../concurrently.ts';
import type { ArrayStore } from './array-store.ts';
import type { BlockImage } from './blocks.ts';
import { type Deaths, type Hands, MOST_DEATHS, storyOf } from './hands.ts';
import { type Block, type BlockDone, type Held, pathless } from './messages.ts';

export interface BlockWorkOptions {
  readonly plan: Plan;
  readonly worker: string;
  readonly arrays: ArrayStore;
  readonly hands: Hands;
  readonly signal: AbortSignal;
  /** Does jobs of plug-ins where they harm nobody. */
  readonly isolation?: Isolation;
  /** Opens a model with these weights, as all workers of the run do. */
  readonly open: (model: PlannedModel, variant: Job['model']['variant']) => Promise<ModelSession>;
}

/** Does blocks of one run. The model of the last block stays open. */
export interface BlockWork {
  /** @param tell what is being done, in words. */
  work(id: string, block: Block, tell: (doing: string) => void): Promise<BlockDone>;
  close(): Promise<void>;
}

export async function createBlockWork(options: BlockWorkOptions): Promise<BlockWork> {
  const { plan, worker, arrays, hands, signal } = options;
  const images = new Map<string, PlannedImage>();
  for await (const image of plannedImages(plan)) images.set(image.sample.id, image);
  /** What the block at hand brought along, by sample. */
  let brought = new Map<string, readonly Held[]>();
  const services = createLocalServices({
    plan,
    signal,
    store: broughtStore(() => brought, arrays),
    open: ref => options.open(plannedModel(plan, ref.id), ref.variant),
  });
  let open: { readonly name: string; readonly session: ModelSession; readonly ref: Job['model'] } | undefined;

  const closeOpen = async () => {
    if (!open) return;
    const { session, ref } = open;
    open = undefined;
    services.use(ref, undefined);
    await session.close();
  };

  const opened = async (model: PlannedModel, ref: Job['model']): Promise<ModelSession> => {
    const name = JSON.stringify([model.id, variantName(ref.variant)]);
    if (open?.name === name) return open.session;
    await closeOpen();
    const session = await options.open(model, ref.variant);
    open = { name, session, ref };
    services.use(ref, work => session.run(work));
    return session;
  };

  return {
    async work(id, block, tell) {
      const rows: Held[] = [];
      const end = (problem?: BlockDone['problem']): BlockDone => ({
        format: 1,
        worker,
        rows,
        ...(problem ? { problem } : {}),
      });
      const model = plannedModel(plan, block.model);
      const tasks = block.images.map(image => taskOf({ plan, model, images }, block, image));
      const ref = tasks[0]!.jobs[0]!.job.model;
      brought = new Map(block.images.map(image => [image.sample, image.held]));
      const deaths = await hands.takeOver(
        id,
        tasks.flatMap(({ jobs }) => jobs.map(({ key }) => key)),
      );
      let session: ModelSession;
      try {
        session = await opened(model, ref);
      } catch (error) {
        if (signal.aborted) return end({ kind: 'stopped', reason: 'the worker was told to stop', keys: [] });
        return end({ kind: 'model', reason: messageOf(error), keys: [] });
      }
      const inHand = new Set<string>();
      const deadly = deaths.size > 0;
      // After a death one image at a time, so that a second one tells which job it is.
      const width = deadly ? 1 : Math.max(2, session.runtime.workers);
      const order = [...tasks].sort((a, b) => suspicion(b, deaths) - suspicion(a, deaths));
      let done = 0;
      try {
        await forEachConcurrently(eachOf(order), width, async ({ image, jobs }) => {
          services.begin(image.sample, image.index);
          try {
            for (const { job, key } of jobs) {
              if (signal.aborted) throw new CtXaiError('INTERRUPTED', 'interrupted.');
              const known = deaths.get(key) ?? [];
              inHand.add(key);
              await hands.hold(id, [...inHand]);
              tell(`${block.model}, ${nameOf(job)}, ${image.sample.id} (${done} of ${tasks.length} images)`);
              const result =
                known.length >= MOST_DEATHS
                  ? await refused(job, services, storyOf(known))
                  : await (options.isolation?.execute ?? execute)(job, services);
              services.remember(job, result);
              const { refs } = await arrays.put(key, result.arrays ?? {});
              rows.push({ row: result.row as unknown as Held['row'], arrays: refs });
              inHand.delete(key);
            }
            done++;
          } finally {
            services.end(image.sample);
          }
        });
      } catch (error) {
        if (signal.aborted) return end({ kind: 'stopped', reason: 'the worker was told to stop', keys: [] });
        // The engine is opened anew for the next block.
        if (error instanceof EngineLost) await closeOpen().catch(() => {});
        return end({ kind: 'job', reason: messageOf(error), keys: [...inHand] });
      } finally {
        await hands.release(id);
      }
      return end();
    },
    async close() {
      await options.isolation?.close();
      await closeOpen().catch(() => {});
      await services.close();
      arrays.close();
    },
  };
}

interface Task {
  readonly image: PlannedImage;
  readonly jobs: readonly PlannedJob[];
}

/**
 * The jobs that a block names, made from this machine's own plan: what comes from the queue can only choose among them.
 * @throws CtXaiError QUEUE where the plan has no such image or job.
 */
function taskOf(
  at: { readonly plan: Plan; readonly model: PlannedModel; readonly images: ReadonlyMap<string, PlannedImage> },
  block: Block,
  { sample: id, index, keys, donors }: BlockImage,
): Task {
  const image = at.images.get(id);
  if (!image || image.index !== index) {
    throw new CtXaiError('QUEUE', `the block asks for the image '${id}', which this plan does not have there.`);
  }
  const donorOf: DonorOf = (_, of) => donors[of] ?? 'not known yet';
  const wanted = new Set(keys);
  const jobs = jobsOf(at.plan, at.model, image.sample, donorOf).filter(({ key }) => wanted.has(key));
  const strange = jobs.find(({ job }) => variantName(job.model.variant) !== block.weights);
  if (jobs.length !== wanted.size || strange) {
    throw new CtXaiError('QUEUE', `the block asks for jobs of '${id}' that this plan does not have.`);
  }
  return { image, jobs };
}

async function* eachOf<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items;
}

function suspicion({ jobs }: Task, deaths: Deaths): number {
  return Math.max(...jobs.map(({ key }) => deaths.get(key)?.length ?? 0));
}

function nameOf(job: Job): string {
  if (job.kind === 'predict') return 'prediction';
  return 'metric' in job ? `${job.explainer.id}: ${job.metric.id}` : job.explainer.id;
}

function plannedModel(plan: Plan, id: string): PlannedModel {
  const found = plan.models.find(model => model.id === id);
  if (found) return found;
  throw new CtXaiError('QUEUE', `the block is for the model '${id}', which this plan does not have.`);
}

/** Results that came with a block, as a store. */
function broughtStore(
  brought: () => ReadonlyMap<string, readonly Held[]>,
  arrays: ArrayStore,
): Pick<RunStore, 'rowsOf' | 'arraysOf'> {
  const all = () => [...brought().values()].flat();
  return {
    rowsOf: async (model, sample) =>
      all()
        .map(({ row }) => row)
        .filter(row => row.model === model && row.sample === sample)
        .map(pathless),
    async arraysOf(row) {
      const held = all().find(other => other.row.job === row.job);
      return held ? arrays.get(held.row.job, held.arrays) : {};
    },
  };
}
