import type { Plan, PlannedExplainer, PlannedModel } from '../config/plan.ts';
import { isRepeated } from '../config/repetitions.ts';
import { isExplained } from '../config/samples.ts';
import type { ModelVariant, Sample } from '../core/contracts/index.ts';
import { positiveClass } from '../core/positive-class.ts';
import {
  type ExplainJob,
  explainerRef,
  type GroupScoreJob,
  type Job,
  type JobTarget,
  keyOf,
  type ModelRef,
  metricRef,
  type Need,
  type PredictJob,
  type SampleRef,
  type ScoreJob,
} from './job.ts';

/** What jobs are made of: a plan's parts. */
export type JobPlan = Pick<Plan, 'explainers' | 'metrics' | 'target' | 'seed' | 'dataset'> &
  Partial<Pick<Plan, 'models' | 'repetitions'>>;
/** With which of its images are explained. */
export type SuiteJobPlan = JobPlan & Pick<Plan, 'explained'>;

/** Whose map stands in for whose: known once all maps that could be borrowed are done. */
export type Donor = { readonly sample: string } | { readonly reason: string } | 'not known yet';

export type DonorOf = (sample: string, explainer: string) => Donor;

export interface PlannedJob {
  readonly job: Job;
  readonly key: string;
}

const ORIGINAL: ModelVariant = { kind: 'original' };

export function modelRef({ id, digest }: PlannedModel, variant: ModelVariant = ORIGINAL): ModelRef {
  return { id, digest, variant };
}

export function sampleRef(sample: Sample, { dataset }: Pick<Plan, 'dataset'>): SampleRef {
  return { id: sample.id, data: dataset.digest };
}

/** The positive class is named for each model, so that a job says all by itself. */
function targetFor({ target }: JobPlan, { card, targetClass }: PlannedModel): JobTarget {
  if (target.kind !== 'positive') return target;
  return { kind: 'class', name: card.classes[targetClass ?? positiveClass(card)]! };
}

/** The prediction of one image. */
export function predictJob(plan: JobPlan, model: PlannedModel, sample: Sample): PlannedJob & { job: PredictJob } {
  const { seed } = plan;
  const target = targetFor(plan, model);
  return named({ kind: 'predict', model: modelRef(model), sample: sampleRef(sample, plan), target, seed, needs: [] });
}

/** One map, of whatever weights; a map of another patient's needs a donor that is known. */
export function explainJob(
  plan: JobPlan,
  model: PlannedModel,
  sample: Sample,
  planned: PlannedExplainer,
  at: { readonly variant?: ModelVariant; readonly donor?: Donor; readonly replicate?: number } = {},
): PlannedJob & { job: ExplainJob } {
  const { key } = predictJob(plan, model, sample);
  const { seed } = plan;
  const target = targetFor(plan, model);
  const { donor } = at;
  const needs: Need[] = [{ role: 'prediction', key, sample: sample.id }];
  if (typeof donor === 'object' && 'sample' in donor) {
    const of = plan.explainers.find(other => other.id === planned.of)!;
    const theirs = explainJob(plan, model, { ...sample, id: donor.sample }, of);
    needs.push({ role: 'donor', key: theirs.key, sample: donor.sample });
  }
  return named({
    kind: 'explain',
    model: modelRef(model, at.variant),
    sample: sampleRef(sample, plan),
    target,
    seed,
    explainer: explainerRef(planned, plan.explainers),
    ...(at.replicate === undefined ? {} : { replicate: at.replicate }),
    needs,
    ...(planned.explainer.needsOf(planned.options).includes('other-effects') ? otherOf(plan, model) : {}),
    ...(typeof donor === 'object' && 'reason' in donor ? { unmet: donor.reason } : {}),
  });
}

/** The next model of the plan, where a map or a score is of what another model uses; none where there is no other. */
function otherOf({ models = [] }: JobPlan, model: PlannedModel): Pick<ExplainJob, 'other'> {
  const at = models.findIndex(({ id }) => id === model.id);
  // The same weights may stand several times, once for each finding: they are no other model.
  const following = [...models.slice(at + 1), ...models.slice(0, at)];
  const other = following.find(({ digest }) => digest !== model.digest);
  return other ? { other: modelRef(other) } : {};
}

/**
 * All jobs of one image that are known, each after those of the same image that it needs: its prediction; if the plan
 * explains it, for each explainer its map, its maps under other weights, and the map's scores.
 */
export function jobsOf(plan: SuiteJobPlan, model: PlannedModel, sample: Sample, donorOf: DonorOf): PlannedJob[] {
  const jobs: PlannedJob[] = [predictJob(plan, model, sample)];
  if (!isExplained(plan, model, sample)) return jobs;
  for (const planned of plan.explainers) {
    const donor = planned.of === undefined ? undefined : donorOf(sample.id, planned.of);
    if (donor === 'not known yet') continue;
    const explained = explainJob(plan, model, sample, planned, donor === undefined ? {} : { donor });
    jobs.push(explained);
    const variants = new Map<string, PlannedJob & { job: ExplainJob }>();
    // A borrowed map has none under other weights that would say anything of this image.
    const weights = planned.of === undefined;
    const scores = plan.metrics.map(metric => {
      const wanted = weights ? metric.metric.variantsOf(metric.options) : [];
      const needs: Need[] = [{ role: 'map', key: explained.key, sample: sample.id }];
      for (const variant of wanted) {
        const name = JSON.stringify(variant);
        const other = variants.get(name) ?? explainJob(plan, model, sample, planned, { variant });
        variants.set(name, other);
        needs.push({ role: 'variant', key: other.key, sample: sample.id });
      }
      const { needs: _, unmet: __, kind: ___, ...base } = explained.job;
      const kind = metric.metric.scope === 'group' ? ('collect' as const) : ('score' as const);
      const other = metric.metric.needs.includes('other-effects') ? otherOf(plan, model) : {};
      return named<ScoreJob>({ ...base, ...other, kind, metric: metricRef(metric), needs });
    });
    jobs.push(...variants.values(), ...scores, ...repeatedJobs(plan, model, sample, planned, explained));
  }
  return jobs;
}

/** Scores of the plan's repeated metrics, and the map of other random numbers that some of them take. */
function repeatedJobs(
  plan: SuiteJobPlan,
  model: PlannedModel,
  sample: Sample,
  planned: PlannedExplainer,
  explained: PlannedJob & { job: ExplainJob },
): PlannedJob[] {
  const { repetitions = [] } = plan;
  if (repetitions.length === 0 || planned.explainer.role !== 'method') return [];
  const again = isRepeated(planned) ? explainJob(plan, model, sample, planned, { replicate: 1 }) : undefined;
  const scores = repetitions.flatMap(metric => {
    const map = metric.change === 'seed' ? again : explained;
    if (!map) return [];
    const { needs: _, unmet: __, kind: ___, ...base } = map.job;
    const needs: Need[] = [{ role: 'map', key: map.key, sample: sample.id }];
    const other = metric.metric.needs.includes('other-effects') ? otherOf(plan, model) : {};
    const ties = metric.change === 'ties' ? { tieSeed: 1 } : {};
    return [named<ScoreJob>({ ...base, ...other, ...ties, kind: 'score', metric: metricRef(metric), needs })];
  });
  return [...(again && scores.some(({ job }) => job.replicate === 1) ? [again] : []), ...scores];
}

/** The values of the plan's group metrics, each of all maps of one explainer. */
export function groupJobsOf(
  plan: SuiteJobPlan,
  model: PlannedModel,
  samples: readonly Sample[],
): (PlannedJob & { job: GroupScoreJob })[] {
  const groups = plan.metrics.filter(m => m.metric.scope === 'group');
  if (groups.length === 0) return [];
  const collected = new Map<string, Need[]>();
  for (const sample of samples) {
    for (const { job, key } of jobsOf(plan, model, sample, () => ({ reason: 'not borrowed here' }))) {
      if (job.kind !== 'collect') continue;
      const name = JSON.stringify([job.explainer.id, job.metric.id]);
      collected.set(name, [...(collected.get(name) ?? []), { role: 'item', key, sample: sample.id }]);
    }
  }
  const { seed, dataset } = plan;
  const target = targetFor(plan, model);
  return plan.explainers.flatMap(planned =>
    groups.map(metric =>
      named<GroupScoreJob>({
        kind: 'group-score',
        model: modelRef(model),
        data: dataset.digest,
        target,
        seed,
        explainer: explainerRef(planned, plan.explainers),
        metric: metricRef(metric),
        needs: collected.get(JSON.stringify([planned.id, metric.id])) ?? [],
      }),
    ),
  );
}

function named<J extends Job>(job: J): PlannedJob & { job: J } {
  return { job, key: keyOf(job) };
}
