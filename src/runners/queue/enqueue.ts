import { plannedImages } from '../../config/samples.ts';
import type { Sample } from '../../core/contracts/index.ts';
import { type Need, variantName } from '../../jobs/job.ts';
import type { PlannedJob } from '../../jobs/plan-jobs.ts';
import type { Row } from '../../results/rows.ts';
import type { RunStore } from '../../results/run-store.ts';
import { imagesOf } from '../environment.ts';
import { readyJobsOf } from '../ready-jobs.ts';
import type { ArrayStore } from './array-store.ts';
import { type BlockImage, blockSize, createGatherer } from './blocks.ts';
import type { ArrayRefs, Block, Held } from './messages.ts';
import type { RunQueue } from './queue-links.ts';
import type { QueuedModel } from './settle.ts';

/** Bytes of arrays that jobs need, on their way at one time. */
const MOST_BYTES = 256 * 2 ** 20;

/** Blocks sent in one go. */
const AT_ONCE = 20;

export interface Enqueuer {
  /** Puts every job that is ready into the queue. `pause` is called between. @returns the number of blocks. */
  enqueue(
    models: readonly QueuedModel[],
    at: { readonly workers: number; readonly pause: () => Promise<unknown> },
  ): Promise<number>;
  /** Images have come back: arrays that were sent for them alone are dropped. */
  release(images: readonly BlockImage[]): Promise<void>;
  /** The queue is empty: nothing is on its way. */
  forget(): void;
}

/** An array that was sent, and for how many images that have not come back. */
interface Sent {
  readonly refs: ArrayRefs;
  readonly bytes: number;
  uses: number;
}

export function createEnqueuer(queue: RunQueue, arrays: ArrayStore): Enqueuer {
  const sent = new Map<string, Sent>();
  let bytes = 0;

  /** A result that a job needs, with those of its arrays that can be needed. */
  const attach = async (need: Need, row: Row, store: RunStore): Promise<Held> => {
    const plain = { row: row as unknown as Held['row'] };
    if (need.role === 'prediction' || need.role === 'item') return { ...plain, arrays: {} };
    let entry = sent.get(need.key);
    if (!entry) {
      const { map, regions } = await store.arraysOf(row);
      const put = await arrays.put(need.key, { ...(map ? { map } : {}), ...(regions ? { regions } : {}) });
      entry = { ...put, uses: 0 };
      sent.set(need.key, entry);
      bytes += put.bytes;
    }
    entry.uses++;
    return { ...plain, arrays: entry.refs };
  };

  const imageOf = async (
    { run, donors }: QueuedModel,
    at: { readonly sample: Sample; readonly index: number },
    jobs: readonly PlannedJob[],
    own: ReadonlyMap<string, Row>,
  ): Promise<BlockImage> => {
    const keys = new Set(jobs.map(({ key }) => key));
    const held = new Map<string, Held>();
    const lenders: BlockImage['donors'] = {};
    for (const { job } of jobs) {
      if ('explainer' in job && job.explainer.of) {
        const donor = donors(at.sample.id, job.explainer.of.id);
        if (donor !== 'not known yet') lenders[job.explainer.of.id] = donor;
      }
      for (const need of job.needs) {
        if (keys.has(need.key) || held.has(need.key)) continue;
        const row =
          need.sample === at.sample.id
            ? own.get(need.key)
            : (await run.store.rowsOf(run.model.id, need.sample)).find(other => other.job === need.key);
        if (row) held.set(need.key, await attach(need, row, run.store));
      }
    }
    return { sample: at.sample.id, index: at.index, keys: [...keys], donors: lenders, held: [...held.values()] };
  };

  return {
    async enqueue(models, { workers, pause }) {
      let count = 0;
      let waiting: { block: Block; priority: number }[] = [];
      const send = async () => {
        if (waiting.length > 0) await queue.add(waiting);
        count += waiting.length;
        waiting = [];
        await pause();
      };
      for (const [place, queued] of models.entries()) {
        const { run } = queued;
        const gatherer = createGatherer(run.model.id);
        const ranks = new Map<string, number>();
        const push = async (block: Block) => {
          ranks.set(block.weights, ranks.get(block.weights) ?? ranks.size);
          // Jobs of the same weights follow each other, so that workers need not open models anew.
          waiting.push({ block, priority: 1 + place * 1000 + Math.min(999, ranks.get(block.weights)!) });
          if (waiting.length >= AT_ONCE) await send();
        };
        let left = imagesOf(run.plan);
        for await (const image of plannedImages(run.plan)) {
          const { held, ready } = await readyJobsOf(run, queued, image.sample);
          for (const [weights, jobs] of byWeights(ready)) {
            const entry = await imageOf(queued, image, jobs, held);
            const full = gatherer.add(weights, entry, blockSize(left, workers));
            if (full) await push(full);
          }
          left--;
          while (bytes > MOST_BYTES) {
            for (const block of gatherer.rest()) await push(block);
            const before = bytes;
            await send();
            if (bytes === before) await new Promise(resolve => setTimeout(resolve, 100));
          }
        }
        for (const block of gatherer.rest()) await push(block);
      }
      if (waiting.length > 0) await send();
      return count;
    },
    async release(images) {
      for (const { held } of images) {
        for (const { row, arrays: refs } of held) {
          const entry = sent.get(row.job);
          if (!entry || Object.keys(refs).length === 0 || --entry.uses > 0) continue;
          sent.delete(row.job);
          bytes -= entry.bytes;
          await arrays.drop(row.job, entry.refs);
        }
      }
    },
    forget() {
      sent.clear();
      bytes = 0;
    },
  };
}

function byWeights(jobs: readonly PlannedJob[]): Map<string, PlannedJob[]> {
  const found = new Map<string, PlannedJob[]>();
  for (const planned of jobs) {
    const weights = variantName(planned.job.model.variant);
    found.set(weights, [...(found.get(weights) ?? []), planned]);
  }
  return found;
}
