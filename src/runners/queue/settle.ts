import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { LocalServices } from '../../jobs/local-services.ts';
import { type DonorOf, jobsOf } from '../../jobs/plan-jobs.ts';
import { refused } from '../../jobs/refused.ts';
import type { ModelRun } from '../run-model.ts';
import type { ArrayStore } from './array-store.ts';
import type { BlockImage } from './blocks.ts';
import { type Block, type BlockDone, type Held, pathless, readBlock, readDone } from './messages.ts';
import type { Ended } from './queue-links.ts';

/** A model of the run, and what this start knows of it. */
export interface QueuedModel {
  readonly run: ModelRun;
  readonly services: LocalServices;
  readonly attempted: Set<string>;
  readonly whole: Set<string>;
  donors: DonorOf;
}

/** So often a job may come back without a result, and a model not be opened. */
const MOST_TRIES = 3;

/** Keeps what workers bring back. */
export interface Settler {
  /** Keeps the rows of a block. @returns its images. */
  settle(ended: Ended): Promise<readonly BlockImage[]>;
  /** Rows kept so far. */
  kept(): number;
}

export function createSettler(options: {
  readonly models: readonly QueuedModel[];
  readonly arrays: ArrayStore;
  readonly warn: (message: string) => void;
}): Settler {
  const { models, arrays, warn } = options;
  const tries = new Map<string, number>();
  const unopened = new Map<string, number>();
  let kept = 0;

  /** Keeps a row. It is not an error where a job has been done before: its row is the same. */
  const keep = async ({ run, attempted }: QueuedModel, { row, arrays: refs }: Held): Promise<void> => {
    const found = await arrays.get(row.job, refs);
    const stored = await run.store.put(pathless(row), found);
    attempted.add(row.job);
    kept++;
    run.ended(stored, false);
    await arrays.drop(row.job, refs);
  };

  /** Ends jobs as failed rows, in the order in which they need each other. */
  const fail = async (
    model: QueuedModel,
    image: BlockImage,
    keys: ReadonlySet<string>,
    reason: string,
  ): Promise<void> => {
    const { run, services, attempted } = model;
    const { sample } = await services.sample(
      { id: run.model.id, digest: run.model.digest, variant: { kind: 'original' } },
      { id: image.sample, data: run.plan.dataset.digest },
    );
    for (const { job, key } of jobsOf(run.plan, run.model, sample, model.donors)) {
      if (!keys.has(key) || attempted.has(key)) continue;
      const { row } = await refused(job, services, reason);
      attempted.add(key);
      kept++;
      run.ended(await run.store.put(row), false);
    }
  };

  /** Counts a try of each job that has failed; those tried too often end as failed rows. */
  const failed = async (model: QueuedModel, block: Block, keys: readonly string[], reason: string): Promise<void> => {
    const over = new Set<string>();
    for (const key of keys) {
      tries.set(key, (tries.get(key) ?? 0) + 1);
      if (tries.get(key)! >= MOST_TRIES) over.add(key);
    }
    if (over.size === 0) {
      warn(`${keys.length} jobs of ${block.model} did not come to their end and are tried again: ${reason}`);
      return;
    }
    for (const image of block.images) {
      await fail(model, image, over, `it was tried ${MOST_TRIES} times by workers; the last time: ${reason}`);
    }
  };

  const keepRows = async (model: QueuedModel, block: Block, { rows, worker }: BlockDone): Promise<void> => {
    const asked = new Map(block.images.flatMap(({ keys, sample }) => keys.map(key => [key, sample] as const)));
    await Promise.all(
      rows.map(async held => {
        const { row } = held;
        if (row.model !== block.model || asked.get(row.job) !== row.sample) {
          warn(`${worker} returned a row that it was not asked for; it is left out.`);
          return;
        }
        if (model.attempted.has(row.job)) return;
        try {
          await keep(model, held);
        } catch (error) {
          // A row whose array is gone is made again.
          if (!(error instanceof CtXaiError && error.code === 'QUEUE')) throw error;
          await failed(model, block, [row.job], messageOf(error));
        }
      }),
    );
  };

  const trouble = async (model: QueuedModel, block: Block, { problem, rows }: BlockDone): Promise<void> => {
    const weights = JSON.stringify([block.model, block.weights]);
    if (rows.length > 0) unopened.delete(weights);
    if (problem?.kind === 'job') await failed(model, block, problem.keys, problem.reason);
    if (problem?.kind !== 'model') return;
    const times = (unopened.get(weights) ?? 0) + 1;
    unopened.set(weights, times);
    if (times < MOST_TRIES) {
      warn(`${block.model} (${block.weights}) could not be opened by a worker: ${problem.reason}`);
      return;
    }
    for (const image of block.images) await fail(model, image, new Set(image.keys), problem.reason);
  };

  return {
    async settle({ data, returned, failed: reason }) {
      let block: Block;
      try {
        block = readBlock(data);
      } catch (error) {
        warn(`${messageOf(error)} It is left out.`);
        return [];
      }
      const model = models.find(({ run }) => run.model.id === block.model);
      if (!model) {
        warn(`a block in the queue is for the model '${block.model}', which this run has not; it is left out.`);
        return [];
      }
      const keys = block.images.flatMap(image => image.keys);
      if (reason !== undefined) {
        await failed(model, block, keys, reason);
        return block.images;
      }
      let done: BlockDone;
      try {
        done = readDone(returned);
      } catch (error) {
        await failed(model, block, keys, messageOf(error));
        return block.images;
      }
      await keepRows(model, block, done);
      await trouble(model, block, done);
      return block.images;
    },
    kept: () => kept,
  };
}
