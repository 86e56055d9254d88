import type { PlannedExplainer, PlannedMetric, PlannedTarget } from '../config/plan.ts';
import type { Json, ModelVariant } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';

/** An explainer or a metric with everything decided, as data. */
export interface PartRef {
  /** What the suite calls it. */
  readonly id: string;
  /** The registered name. */
  readonly use: string;
  readonly options: Json;
  readonly baseline?: string;
  /** The explainer that it wraps, or whose map of another patient it takes. */
  readonly of?: PartRef;
}

export interface ModelRef {
  readonly id: string;
  /** SHA-256 of the weights and of what the card says. */
  readonly digest: string;
  readonly variant: ModelVariant;
}

export interface SampleRef {
  readonly id: string;
  /** Digest of the data set. */
  readonly data: string;
  /** One of the sample's variants; absent: the sample itself. */
  readonly variant?: string;
}

/** The result of another job that a job takes. */
export interface Need {
  /** What it is for. */
  readonly role: 'prediction' | 'donor' | 'map' | 'variant' | 'item';
  readonly key: string;
  /** Where its row stands. */
  readonly sample: string;
}

/** Which class a job explains; the plan's positive class is named. */
export type JobTarget = Exclude<PlannedTarget, { readonly kind: 'positive' }>;

interface JobBase {
  readonly model: ModelRef;
  /** Which class is explained; the class itself follows from the prediction. */
  readonly target: JobTarget;
  readonly seed: number | string;
  /**
   * Results that it takes. They are no part of the key: those that depend on results (whose map is borrowed) are only
   * known once the run has come so far.
   */
  readonly needs: readonly Need[];
  /** Why a need that depends on results can't be met. */
  readonly unmet?: string;
}

interface SampleJob extends JobBase {
  readonly sample: SampleRef;
}

/** What the model says of an image. */
export interface PredictJob extends SampleJob {
  readonly kind: 'predict';
}

/** One map. */
export interface ExplainJob extends SampleJob {
  readonly kind: 'explain';
  readonly explainer: PartRef;
  /** What is done to the map afterwards: for audits of metrics. */
  readonly transform?: MapTransform;
  /** Another number draws other random numbers. Absent: 0. */
  readonly replicate?: number;
  /** Passes that it may spend; absent: what the options say. */
  readonly budget?: number;
  /** Where it runs; absent: where the plan says. */
  readonly device?: string;
  /** For explainers that need 'other-effects': the model that they are of; absent: there is no other. */
  readonly other?: ModelRef;
}

export type MapTransform = { readonly kind: 'blur'; readonly sigma: number };

/** One value of one map (`score`), or what a group metric reads of it (`collect`). */
export interface ScoreJob extends SampleJob {
  readonly kind: 'score' | 'collect';
  readonly explainer: PartRef;
  readonly metric: PartRef;
  readonly transform?: MapTransform;
  readonly replicate?: number;
  /** Another number orders ties otherwise. Absent: 0. */
  readonly tieSeed?: number;
  readonly budget?: number;
  readonly device?: string;
  /** For explainers and metrics that need 'other-effects'; absent: there is no other. */
  readonly other?: ModelRef;
}

/** One value of all maps of an explainer. */
export interface GroupScoreJob extends JobBase {
  readonly kind: 'group-score';
  readonly data: string;
  readonly explainer: PartRef;
  readonly metric: PartRef;
}

/** A unit of work as plain JSON: everything that changes its result, and what it needs of others. */
export type Job = PredictJob | ExplainJob | ScoreJob | GroupScoreJob;

/** The digest of what changes a job's result: its name in the journal, in whatever process or order it runs. */
export function keyOf(job: Job): string {
  const { needs: _, unmet: __, ...identity } = job;
  return jsonDigest(identity).slice(0, 32);
}

export function explainerRef(planned: PlannedExplainer, all: readonly PlannedExplainer[]): PartRef {
  const of = planned.inner ?? all.find(other => other.id === planned.of);
  return {
    ...partRef(planned, planned.explainer.name),
    ...(of ? { of: explainerRef(of, all) } : {}),
  };
}

export function metricRef(planned: PlannedMetric): PartRef {
  return partRef(planned, planned.metric.name);
}

function partRef({ id, options, baseline }: PlannedExplainer | PlannedMetric, use: string): PartRef {
  return { id, use, options: asJson(options), ...(baseline === undefined ? {} : { baseline }) };
}

/** Options that are no JSON (a plug-in's dates, maps) are taken as JSON would write them. */
function asJson(options: unknown): Json {
  return (options === undefined ? {} : JSON.parse(JSON.stringify(options))) as Json;
}

/** How tables call a variant of a model: 'original', 'randomised 0.5 seed 1', … */
export function variantName(variant: ModelVariant): string {
  switch (variant.kind) {
    case 'original':
      return 'original';
    case 'randomised':
      return `randomised ${variant.depth} seed ${variant.seed}`;
    case 'rewritten':
      return `rewritten ${variant.rewrite}`;
    case 'shifted':
      return `shifted ${variant.by}`;
    case 'blinded':
      return `blinded ${variant.half}`;
    case 'file':
      return `file ${variant.file}`;
    case 'trained':
      return `trained ${variant.training}`;
  }
}
