import type { Plan, PlannedModel } from '../config/plan.ts';
import type { Sample } from '../core/contracts/index.ts';
import { variantName } from '../jobs/job.ts';
import { type DonorOf, jobsOf, type PlannedJob } from '../jobs/plan-jobs.ts';
import type { Row } from '../results/rows.ts';
import type { RunStore } from '../results/run-store.ts';

/** Of what run a question about its jobs is. */
interface Asked {
  readonly plan: Plan;
  readonly model: PlannedModel;
  readonly store: RunStore;
  /** Does jobs again that failed in an earlier start. */
  readonly retryFailed: boolean;
}

/** What a start knows of the jobs of a model. */
export interface JobsKnown {
  /** Keys of jobs that this start has done: failures among them are not tried again. */
  readonly attempted: ReadonlySet<string>;
  /** Keys of maps whose files were found whole. */
  readonly whole: Set<string>;
  readonly donors: DonorOf;
}

export interface ReadyJobs {
  /** Results that need not be made again, by the key of their job. */
  readonly held: ReadonlyMap<string, Row>;
  /** In the order in which they can be done, of all weights. */
  readonly ready: readonly PlannedJob[];
}

/**
 * Jobs of an image without a result whose needs have one, or will have by earlier jobs of the same image and weights.
 * Maps that jobs need and whose files are gone are made again.
 */
export async function readyJobsOf(run: Asked, known: JobsKnown, sample: Sample): Promise<ReadyJobs> {
  const found = await readyAsHeld(run, known, sample);
  const lost = await lostMaps(run, found);
  if (lost.size === 0) return found;
  const held = new Map([...found.held].filter(([key]) => !lost.has(key)));
  return { held, ready: readyWith(run, known, sample, held) };
}

/** The same without a look at maps that jobs need, where maps are not kept. */
export async function readyAsHeld(run: Asked, known: JobsKnown, sample: Sample): Promise<ReadyJobs> {
  const held = new Map<string, Row>();
  for (const row of await run.store.rowsOf(run.model.id, sample.id)) {
    const again = run.retryFailed && row.status === 'failed' && !known.attempted.has(row.job ?? '');
    if (row.job === undefined || again || !(await isThere(run, known, row))) continue;
    held.set(row.job, row);
  }
  return { held, ready: readyWith(run, known, sample, held) };
}

/** Whether the map of a row lies in the run folder, where maps are kept: one that was deleted is made again. */
async function isThere({ plan, store }: Asked, { attempted, whole }: JobsKnown, row: Row): Promise<boolean> {
  if (!plan.output.attributions || row.kind !== 'map' || row.status !== 'ok' || row.job === undefined) return true;
  if (attempted.has(row.job) || whole.has(row.job)) return true;
  if (!(await store.isWhole(row))) return false;
  whole.add(row.job);
  return true;
}

function readyWith(
  { plan, model }: Asked,
  { donors }: JobsKnown,
  sample: Sample,
  held: ReadyJobs['held'],
): PlannedJob[] {
  const coming = new Map<string, string>();
  const ready: PlannedJob[] = [];
  for (const planned of jobsOf(plan, model, sample, donors)) {
    if (held.has(planned.key)) continue;
    const { needs, model: on } = planned.job;
    const weights = variantName(on.variant);
    // Donors were looked for among results: theirs is held, by another sample.
    const own = needs.filter(need => need.sample === sample.id);
    if (!own.every(need => held.has(need.key) || coming.get(need.key) === weights)) continue;
    coming.set(planned.key, weights);
    ready.push(planned);
  }
  return ready;
}

/** Keys of maps whose files are gone although jobs need them. */
async function lostMaps({ store }: Asked, { held, ready }: ReadyJobs): Promise<Set<string>> {
  const lost = new Set<string>();
  for (const key of new Set(ready.flatMap(({ job }) => job.needs.map(need => need.key)))) {
    const row = held.get(key);
    if (row?.kind === 'map' && row.status === 'ok' && !(await store.arraysOf(row)).map) lost.add(key);
  }
  return lost;
}
