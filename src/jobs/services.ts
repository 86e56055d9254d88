import type { Reference } from '../config/reference.ts';
import type { Effects, FullClassifier, ModelCard, Sample } from '../core/contracts/index.ts';
import type { Registry } from '../core/registry.ts';
import type { Rng } from '../core/rng.ts';
import type { ChanceEffects } from '../core/truth/threshold.ts';
import type { Row } from '../results/rows.ts';
import type { RowArrays } from '../results/run-store.ts';
import type { Job, ModelRef, Need, SampleRef, ScoreJob } from './job.ts';
import type { LoadedImage } from './loaded-image.ts';
import type { SharedWork } from './shared-work.ts';

/** What a job ended as: its row, and the arrays that belong to it. Where they are kept is the store's business. */
export interface JobResult {
  readonly row: Row;
  readonly arrays?: RowArrays;
}

/** A sample with its place in the plan. */
export interface PlannedSample {
  readonly sample: Sample;
  /** Position among the plan's images. */
  readonly index: number;
  /** What the data say of it, as the model's classes have it; undefined where they say nothing. */
  readonly labelled: Reference | undefined;
}

/** What is seen of a measured job in the thread that it runs in. */
export interface MeasuredApart {
  /** Whether an explainer drew random numbers. */
  readonly drawn: boolean;
  /** Time in which that thread's event loop was not waiting. */
  readonly jsMs: number;
}

/** What `execute` asks of the process that it runs in. */
export interface Services {
  readonly registry: Registry;
  readonly signal: AbortSignal;
  card(model: ModelRef): ModelCard;
  /**
   * Runs work on an opened model with the weights that the reference says; where the engine dies in it, once more on
   * a new one.
   */
  onModel<T>(model: ModelRef, work: (classifier: FullClassifier) => Promise<T>): Promise<T>;
  sample(model: ModelRef, sample: SampleRef): Promise<PlannedSample>;
  /** The image prepared for the model, read once. @throws CtXaiError IMAGE or DATA */
  image(model: ModelRef, sample: SampleRef): Promise<LoadedImage>;
  /** The result of a job that is done; undefined where it is not, or its array is gone. */
  result(need: Need, model: ModelRef): Promise<JobResult | undefined>;
  /** Work shared by all jobs of one image and model (`image`), and of one map (`map`). */
  shared(scope: 'image' | 'map', job: Job): SharedWork;
  /** Images of training patients, prepared for the model; none where the plan names no such data. */
  trainingImages(model: ModelRef, count: number): Promise<readonly LoadedImage[]>;
  /** The job is measured: it shares nothing, and explains a variation of its image (see `varied`). */
  readonly measured?: {
    readonly variation: number;
    /** Is told of a job that ran in another thread. */
    told(of: MeasuredApart): void;
  };
  /** Lets whoever measures see whether an explainer draws random numbers. */
  watchRng?(rng: Rng): Rng;
  /** Whether the film of a score is kept: for images that the report's gallery may show. Absent: never. */
  keepsFilm?(job: ScoreJob): Promise<boolean>;
  /** How large effects on a class's score are that are chance; undefined where the data has no placebos. */
  chance?(model: ModelRef, target: number): Promise<ChanceEffects | undefined>;
  /** What is known by intervention of an image and model; with `other`, of another model that has this class. */
  effects?(job: Job, target: { readonly class: number }, other?: ModelRef): Promise<Effects | undefined>;
}
