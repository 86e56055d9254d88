import type { Rng } from '../rng.ts';
import type { Tensor } from '../tensor.ts';
import type {
  Attribution,
  AttributionKind,
  CheckSettings,
  Cost,
  Effects,
  ImageContext,
  Memo,
  OptionsSchema,
  Preset,
} from './explainer.ts';
import type { Classifier, Json, ModelFacts, ModelVariant, ScoreKind } from './model.ts';
import type { Undefined } from './outcome.ts';

export interface Curve {
  /** True fractions of pixels perturbed, ascending from 0 to 1. */
  readonly fraction: readonly number[];
  readonly score: readonly number[];
}

/** How a metric changed an image step by step, along the order of its first priority field. */
export interface Film {
  /** Frame 0 is this; the last frame is the other of the two. */
  readonly from: 'image' | 'baseline';
  /** [h, w]: the frame, from 1, from which on the pixel is of the last frame. */
  readonly steps: Tensor;
  /** Its points are the frames. */
  readonly curve: Curve;
  /** What a filler made: each frame whole, [...spatial, channels] in input space. */
  readonly frames?: readonly Tensor[];
}

export interface Score {
  readonly value: number;
  /** Estimated error of the value, where fewer points or draws were spent than the definition has. */
  readonly error?: number;
  /** What the value would be by chance on this image, where that depends on the image (the mask's share of the body). */
  readonly chance?: number;
  readonly curve?: Curve;
  /** Where it was asked for. */
  readonly film?: Film;
  readonly details?: Readonly<Record<string, number>>;
}

/**
 * What a metric must be given. `model`: the classifier. `mask`: the lesion's outline. `explain`: the same explainer on
 * other images. `weights`: its maps under other weights. `variants`: other versions of the sample. `effects`: what is
 * known by intervention. `other-effects`: the same of another model of the suite. `training-images`: images of training
 * patients.
 */
export type MetricNeed =
  | 'model'
  | 'mask'
  | 'explain'
  | 'weights'
  | 'variants'
  | 'effects'
  | 'other-effects'
  | 'training-images';

/** The map that the same explainer gives of the same image under other weights, or why there is none. */
export interface VariantMap {
  readonly variant: ModelVariant;
  readonly map?: Tensor;
  readonly reason?: string;
  /** The class that the model predicts for the image under these weights, where it is known. */
  readonly predicted?: number;
}

/** What an explanation of another image is asked for with. */
export interface ExplainAgain {
  /** [...spatial, channels], input space. */
  readonly image: Tensor;
  /** Names the image, so that metrics that ask for the same one share its map: 'noise 3 of sd 0.1'. */
  readonly key: string;
  /** Default: the class explained. */
  readonly class?: number;
  /** Another number draws other random numbers. Default: those of the map itself. */
  readonly replicate?: number;
  /** Under these weights; needs 'weights' as well. Undefined where the model has no such variant. */
  readonly variant?: ModelVariant;
  /**
   * By how much all values of the image are greater than those of the original. What the explainer makes of the image
   * by itself moves as well: baselines that are defined in Hounsfield units or grey levels, and training images.
   */
  readonly shift?: number;
}

/** What a map claims to explain: additive maps sum to this score's difference between image and baseline. */
export interface Claim {
  readonly score?: ScoreKind;
  /** [...spatial, channels], input space; absent where the explainer uses none, or a filler. */
  readonly baseline?: Tensor;
}

export interface MetricContext<O> extends ImageContext {
  /** Metrics that do not list 'model' in `needs` must not touch it. */
  readonly model: Classifier;
  readonly target: { readonly class: number };
  /** [...spatial], finite and not constant: the runner answers for maps that are not. */
  readonly attribution: Tensor;
  readonly kind: AttributionKind;
  /** The score and the baseline of the explainer, where they are known. */
  readonly claim?: Claim;
  /** For regional maps: the region of each pixel, where the explainer tells. */
  readonly regions?: Int32Array;
  /** [...spatial] of 0 and 1 on the model's grid; there if `needs` has 'mask' (but it may be empty). */
  readonly mask?: Tensor;
  readonly options: O;
  /** The same for all explainers on this image and model, so that ties fall alike. */
  readonly rng: Rng;
  readonly memo: Memo;
  /** Work shared by the metrics of one map. */
  readonly mapMemo: Memo;
  /** Needs 'explain': the same explainer on another image. Its passes are counted apart from the metric's own. */
  explain(request: ExplainAgain): Promise<Attribution | Undefined>;
  /**
   * Needs 'weights': does work on the model under other weights; the passes are the metric's own. Undefined where the
   * model has no such variant.
   */
  onVariant<T>(variant: ModelVariant, work: (model: Classifier) => Promise<T>): Promise<T | Undefined>;
  /** Needs 'weights': one entry for each of the metric's model variants, in their order. */
  readonly variantMaps: readonly VariantMap[];
  /** Needs 'variants': another version of the sample, prepared like the image. Undefined where the data has none. */
  sampleVariant(name: string): Promise<{ readonly image: Tensor; readonly view: Tensor } | undefined>;
  /** Names of the versions that the sample offers. */
  readonly sampleVariants: readonly string[];
  /** Needs 'effects'. Undefined where nothing is known by intervention. */
  readonly effects?: Effects;
  /** Needs 'other-effects': of another model. Undefined where the run has no other, or nothing is known. */
  readonly otherEffects?: Effects;
  /** Whether the score is to come with its film. */
  readonly film?: boolean;
  /** Needs 'training-images': at most `count` of them, in input space. */
  trainingImages(count: number): Promise<readonly Tensor[]>;
}

export type MetricCategory =
  | 'faithfulness'
  | 'localisation'
  | 'robustness'
  | 'randomisation'
  | 'complexity'
  | 'axiomatic'
  | 'truth';

/** A metric as a set names it: like the entry of a suite, with the reason why it is in the set. */
export interface MetricOfSet {
  readonly use: string;
  readonly preset?: string;
  readonly baseline?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly reason: string;
}

/** Metrics that a suite names by one word. */
export interface MetricSet {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly metrics: readonly MetricOfSet[];
}

/** What a group metric knows of one map of the group: `item` is what `collect` made of it. */
export interface Collected {
  readonly item: Json;
  readonly sample: string;
  readonly patient: string;
  /** The class explained. */
  readonly class: number;
}

/** A metric as the registry holds it. Made by `defineMetric`. */
export interface Metric {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly cite: string;
  readonly category: MetricCategory;
  readonly better: 'higher' | 'lower';
  /** Closed range of possible values; ±Infinity where unbounded. */
  readonly range: readonly [number, number];
  /** The same at default options, where that is narrower. */
  readonly rangeByDefault?: readonly [number, number];
  /** What a map that knows nothing scores, where that is one number; `image`: it depends on the image (see `Score`). */
  readonly chance?: number | 'image';
  /** Whether explainers may be ranked by it. */
  readonly rankable: boolean;
  /** Whether it has a meaning where the class explained is a negative one. */
  readonly meansForNegatives: boolean;
  /**
   * Why it has no meaning for a regression, which has values and neither classes nor probabilities; undefined: it has
   * one. 'it follows a probability'.
   */
  needsClasses(options: unknown): string | undefined;
  /** Kinds of maps that it takes; others are skipped with the reason. */
  readonly kinds: readonly AttributionKind[];
  /** When a value is undefined, in one sentence. */
  readonly undefinedWhen: string;
  /** Known criticism, for the tables that list metrics. */
  readonly criticism: string;
  /** Where the criticism is from: papers, the code of a tool, or algebra. */
  readonly criticismSource: string;
  readonly needs: readonly MetricNeed[];
  /** `map`: one value for each map. `group`: one value for all maps of an explainer and model. */
  readonly scope: 'map' | 'group';
  /** Numbers of spatial dimensions that it works in. */
  readonly dimensions: readonly number[];
  /** The baseline used unless the suite names one; absent: the metric uses none. */
  readonly baseline?: string;
  readonly options: OptionsSchema;
  readonly presets: Readonly<Record<string, Preset>>;
  readonly checks: CheckSettings;
  /** Needs 'weights': the variants of the model under which maps are wanted. */
  variantsOf(options: unknown): readonly ModelVariant[];
  /** Passes of one score. `explanation` is what one explanation of the explainer that is scored costs. */
  cost(options: unknown, model: ModelFacts, explanation: Cost): Cost;
  /** The value of one map. Not called for group metrics. */
  evaluate(context: MetricContext<unknown>): Promise<Score | Undefined>;
  /** Group metrics: what `combine` needs of one map, as JSON. */
  collect?(context: MetricContext<unknown>): Promise<Json | Undefined>;
  /** Group metrics: the value of a group. Pure, so that a bootstrap can combine again. */
  combine?(items: readonly Collected[], options: unknown): Score | Undefined;
}

/** What an earlier audit of a model says of a metric. */
export interface EarlierAudit {
  readonly verdict: 'supported' | 'contradicted' | 'not shown';
  /** The data, in words: 'phantom v2'. */
  readonly data: string;
  /** How many patients it was made with. */
  readonly patients: number;
}
