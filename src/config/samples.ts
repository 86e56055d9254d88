import type { Sample } from '../core/contracts/index.ts';
import { positiveClass } from '../core/positive-class.ts';
import type { Plan, PlannedModel } from './plan.ts';
import { referenceOf } from './reference.ts';

/**
 * The plan's images, in the dataset's order. With a limit, labels take turns until it is reached, so that a short run
 * sees every class; within a label the first images are taken.
 */
export async function* samplesOf(plan: Pick<Plan, 'dataset' | 'limit'>): AsyncIterable<Sample> {
  if (plan.limit === undefined || plan.limit >= plan.dataset.count) {
    yield* plan.dataset.samples();
    return;
  }
  const counts = new Map<string | undefined, number>();
  for await (const sample of plan.dataset.samples()) counts.set(sample.label, (counts.get(sample.label) ?? 0) + 1);
  const left = spread(counts, plan.limit);
  for await (const sample of plan.dataset.samples()) {
    const n = left.get(sample.label) ?? 0;
    if (n === 0) continue;
    left.set(sample.label, n - 1);
    yield sample;
  }
}

/** Whether the plan explains an image, or has its prediction only. */
export function isExplained(
  { explained }: Pick<Plan, 'explained'>,
  model: Pick<PlannedModel, 'card' | 'classOf' | 'absences'>,
  sample: Pick<Sample, 'label' | 'findings'>,
): boolean {
  return explained === 'all' || referenceOf(model, sample) === positiveClass(model.card);
}

/** Whether the data say that an image is positive for a model; where they say nothing of any image, each counts. */
export function isPositive(
  { labels, findings = [] }: Pick<Plan['dataset'], 'labels' | 'findings'>,
  model: Pick<PlannedModel, 'card' | 'classOf' | 'absences'>,
  sample: Pick<Sample, 'label' | 'findings'>,
): boolean {
  return isExplained({ explained: labels.length + findings.length > 0 ? 'positives' : 'all' }, model, sample);
}

/** How many images a plan has, and how many of them each of its models explains. */
export interface ImageCounts {
  readonly images: number;
  /** In the order of the plan's models. */
  readonly explained: readonly number[];
}

export async function countImages(
  plan: Pick<Plan, 'dataset' | 'limit' | 'explained' | 'models'>,
  shard?: Shard,
): Promise<ImageCounts> {
  const explained = plan.models.map(() => 0);
  let images = 0;
  for await (const { sample } of plannedImages(plan, shard)) {
    images++;
    for (const [i, model] of plan.models.entries()) if (isExplained(plan, model, sample)) explained[i]!++;
  }
  return { images, explained };
}

/** How many of each group are taken when groups take turns, in the order of the map, until `limit` are. */
function spread<K>(counts: ReadonlyMap<K, number>, limit: number): Map<K, number> {
  const taken = new Map([...counts.keys()].map(key => [key, 0]));
  for (let total = 0; total < limit; ) {
    const before = total;
    for (const [key, count] of counts) {
      const n = taken.get(key)!;
      if (n < count && total < limit) {
        taken.set(key, n + 1);
        total++;
      }
    }
    if (total === before) break;
  }
  return taken;
}

/** One of several parts of a plan's images, for machines that know nothing of each other. */
export interface Shard {
  /** From 1 to `of`. */
  readonly index: number;
  readonly of: number;
}

/** An image of a plan, with its place among all of the plan's images. */
export interface PlannedImage {
  readonly sample: Sample;
  readonly index: number;
}

/**
 * The plan's images, or those of one shard. All images of a patient are in one shard: that which has the fewest images
 * when the patient is first seen. So the shards of a plan are the same on every machine, and nearly of one size.
 */
export async function* plannedImages(
  plan: Pick<Plan, 'dataset' | 'limit'>,
  shard?: Shard,
): AsyncIterable<PlannedImage> {
  const sizes = Array.from({ length: shard?.of ?? 1 }, () => 0);
  const shardOf = new Map<string, number>();
  let index = 0;
  for await (const sample of samplesOf(plan)) {
    const at = shardOf.get(sample.patient) ?? sizes.indexOf(Math.min(...sizes));
    shardOf.set(sample.patient, at);
    sizes[at] = sizes[at]! + 1;
    if (shard === undefined || at === shard.index - 1) yield { sample, index };
    index++;
  }
}
