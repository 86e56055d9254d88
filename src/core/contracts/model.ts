import type { Tensor } from '../tensor.ts';

/**
 * What a loaded model can do beyond scores, each with its interface below. A model lacks one by itself: an operator
 * without a derivative takes away gradients, and leaves activations.
 */
export type Capability =
  | 'gradients'
  | 'backward-rules'
  | 'activations'
  | 'layers'
  | 'continuation'
  | 'bias-gradients'
  | 'attention';

/**
 * A scalar score of a class: its logit z_t; its margin f = z_t − log Σ_{c≠t} exp z_c, the log-odds of softmax
 * (for one sigmoid unit s₁ = z, s₀ = −z; for independent findings the finding's own z); or its probability.
 */
export type ScoreKind = 'logit' | 'margin' | 'probability';

/** What is explained: a class, fixed on the unperturbed image, through one of its scores. */
export interface Target {
  readonly class: number;
  readonly score: ScoreKind;
}

/** Images to be scored, written one by one into the engine's buffers (a LIME of 1,000 images is never one array). */
export interface Batch {
  readonly count: number;
  /** Writes image `i`, [...spatial, channels] in input space, into `out`, all of it. Called once per image, in order. */
  write(i: number, out: Float32Array): void;
}

/** Counts passes; every explanation and metric has its own. */
export interface Meter {
  forward(images: number): void;
  backward(images: number): void;
}

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Half of an image; of an odd number of rows or columns, the middle one belongs to the bottom or right half. */
export type Half = 'top' | 'bottom' | 'left' | 'right';

/**
 * A further training of a model. `masked`: trained on, with random masks on the images. `shuffled-labels`: from new
 * weights, the labels in a random order. `seed-2`, `seed-3`: the same training from other random numbers.
 */
export type FurtherTraining = 'masked' | 'shuffled-labels' | 'seed-2' | 'seed-3';

/**
 * Weights that a model runs with. `randomised`: initialisers redrawn from the output down to a share of the depth
 * (0: none, 1: all), and rescaled so that the network is not dead. `rewritten`: the same function as another graph.
 * `shifted`: the same function of images whose values are all greater by `by`, the difference folded into its first
 * parameters. `blinded`: the same network, whose first operator puts 0 in place of half of the image. `file`: other
 * weights of the same architecture, such as a retrained model. `trained`: those that `ct-xai train` keeps beside the
 * model. A variant keeps the target, the layers and the measured settings of the original.
 */
export type ModelVariant =
  | { readonly kind: 'original' }
  | { readonly kind: 'randomised'; readonly depth: number; readonly seed: number }
  | { readonly kind: 'rewritten'; readonly rewrite: 'split-convolutions' | 'split-relu' | 'unfolded-scale' }
  | { readonly kind: 'shifted'; readonly by: number }
  | { readonly kind: 'blinded'; readonly half: Half }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'trained'; readonly training: FurtherTraining };

export interface LayerInfo {
  /** The tensor's name in the model file. */
  readonly name: string;
  /** [...spatial, channels] for one image, or the shape as it is where the layer is not spatial. */
  readonly shape: readonly number[];
  readonly operator: string;
  readonly spatial: boolean;
  /** Whether CAM methods use this layer unless told otherwise. */
  readonly cam: boolean;
  /** Its place between the image (0) and the scores (1), counted in layers. */
  readonly depth?: number;
  /** Its place among the layers that suit class activation maps, from 1, the best; absent for all others. */
  readonly rank?: number;
  /** How far the scores follow, as a share, when its pixels alone are another image's; where that was measured. */
  readonly share?: number;
}

export interface ModelInput {
  /** Pixels along each axis: [rows, columns], or [slices, rows, columns]. */
  readonly spatial: readonly number[];
  readonly channels: number;
}

/** What the cost of an explanation may depend on. */
export interface ModelFacts extends ModelInput {
  readonly classes?: number;
  /** The layers of the opened model; absent before one is opened. */
  readonly layers?: readonly LayerInfo[];
  /** Millimetres per pixel of an image on the model's grid; absent where it is unknown. */
  readonly spacing?: readonly number[];
  /** Of the map that is scored: one value for each of few regions, or 0 over much of the image; absent: pixels differ. */
  readonly tied?: 'regions' | 'zeros' | undefined;
}

/**
 * What computing only what changed is worth: so many times as fast as whole images, or why it is not done. `anySide`: the
 * reason holds for changes of every size.
 */
export type ChangesWorth = { readonly faster: number } | { readonly reason: string; readonly anySide?: true };

/** What tells apart the classes that a model predicts. */
export interface Predicting {
  /** Whether classes are findings that do not exclude each other, each with a sigmoid of its own. Default: no. */
  readonly independent?: boolean;
  /** Of such findings: the log-odds from which on each counts as predicted. Default: 0. */
  readonly thresholds?: readonly number[];
  /** Whether the outputs are values without probabilities: every score is then the value itself. */
  readonly regression?: boolean;
}

/** A model loaded on an engine and a device. Methods may be called concurrently. Images are in input space. */
export interface Classifier extends Predicting {
  readonly id: string;
  readonly input: ModelInput;
  readonly classes: readonly string[];
  readonly capabilities: ReadonlySet<Capability>;
  readonly runtime: Runtime;
  /** Scores of all classes, [n, classes]. */
  scores(batch: Batch, options: { as: ScoreKind; signal?: AbortSignal }): Promise<Tensor>;
  /** The score of one class for each image, [n]. */
  score(batch: Batch, target: Target, options?: { signal?: AbortSignal }): Promise<Float32Array>;
  /** The same model, counting what is asked of it on `meter`. */
  metered(meter: Meter): Classifier;
  /** Where operators run, for the graphs that were used so far; absent where an engine has one device only. */
  placements?(): Promise<readonly Placement[]>;
  readonly tracer?: Tracer;
  /**
   * What it is worth to compute only what changed, where the images of a large batch differ in squares of that side
   * (pixels) from the first one or each from the one before. Measured on the given image when first asked for, or when
   * such a batch comes first. Absent where an engine always computes whole images.
   */
  changesWorth?(side: number, image: Tensor): Promise<ChangesWorth>;
  /**
   * Why the network can't have backward rules; undefined where it can. Nothing is run. Absent where an engine finds out only
   * when they are used.
   */
  whyNoRules?(rules: BackwardRules): string | undefined;
  close(): Promise<void>;
}

/** What a device did, by its own clock: milliseconds, never wall time. */
export interface DeviceTime {
  /** Time in which at least one kernel ran. */
  readonly unionMs: number;
  /** All kernels' times added up: more than the union where streams overlap. */
  readonly sumMs: number;
  readonly kernels: number;
  /** Copies between host and device; absent where the device does not tell. */
  readonly transferMs?: number;
  /** Most memory in use on the device, MiB; absent where it can't be read. */
  readonly peakMemoryMb?: number;
}

/** Reads the device's clock. There while a model is opened with `trace` on a device that has one. */
export interface Tracer {
  /** The clock, as tables name it: 'timestamp queries', 'kernel records', … */
  readonly source: string;
  /** From here on work belongs to `label`; to be called between calls of the model, never during one. */
  begin(label: string): void;
  /** What the device did under each label. Ends the trace: the model can only be closed then. */
  end(): Promise<ReadonlyMap<string, DeviceTime>>;
}

/** Where the operators of one graph of a model run. */
export interface Placement {
  /** `forward`, `gradient`, or the layer that the gradient is taken at. */
  readonly graph: string;
  /** Operators per device, the one asked for among them. */
  readonly operators: Readonly<Record<string, number>>;
  /** Types of the operators that another device than the one asked for runs, and how many of each. */
  readonly elsewhere: Readonly<Record<string, number>>;
}

/** Where and how a model really runs. */
export interface Runtime {
  readonly engine: string;
  readonly engineVersion: string;
  /** Its name in suites: `cpu`, `webgpu`, `cuda`, `wasm`, …; with several of a kind, `cuda:1`. */
  readonly device: string;
  /** What the driver calls it, where it tells. */
  readonly deviceName?: string;
  readonly microBatch: number;
  readonly workers: number;
  readonly threads: number;
  /** The layer that CAM methods use by default; absent where the model has no spatial layer. */
  readonly camLayer?: string;
  /** Other layers that would suit, the best first. */
  readonly otherCamLayers?: readonly string[];
  /** Why there is no such layer, where it is known. */
  readonly noCamLayer?: string;
  /** What a reader should know of how it runs, such as that it was converted. */
  readonly note?: string;
  /** Why an ability is missing, by its name. */
  readonly limitations?: Readonly<Partial<Record<Capability, string>>>;
  /** Operators that the gradient would have to pass and has no rule for, perhaps with the reason, and the nodes of each. */
  readonly operatorsWithoutRule?: Readonly<Record<string, readonly string[]>>;
  /** What was measured on the opened model. */
  readonly measured?: ModelMeasurements;
}

/** What a few passes at opening established. Each is measured on the model itself, never inferred from its operators. */
export interface ModelMeasurements {
  /** The largest difference between two runs of one image, relative to the largest score; 0: deterministic. */
  readonly repeatError: number;
  /** The largest difference between an image alone and the same image beside others, relative to the largest score. */
  readonly batchError: number;
  /** What the model can be said to emit, with the sums and ranges that say so. */
  readonly emits?: string;
  /** Whether what the card calls logits stays within 0…1, even on images far outside what the network expects. */
  readonly bounded?: boolean;
  /** Sentences that every report shows, such as that the output contradicts the card. */
  readonly warnings?: readonly string[];
}

/**
 * How a backward pass treats each operator, as plain data: a name with options. `standard` is the derivative;
 * `guided-backprop`, `deconvnet`, `deeplift` and `lrp` replace the rules of some operators.
 */
export interface BackwardRules {
  readonly name: string;
  readonly options?: { readonly [key: string]: Json };
}

export interface GradientOptions {
  readonly signal?: AbortSignal;
  /** Default: the derivative. Others need the ability 'backward-rules'. */
  readonly rules?: BackwardRules;
  /** For rules that compare with a reference (DeepLIFT): one image for all, or one for each. */
  readonly reference?: Batch;
  /** Is told, before the first image, what the rules leave out: operators that keep their derivative. */
  readonly noted?: (note: string) => void;
}

export interface Gradients {
  /**
   * d score / d input, or what the rules put in its place. `consume` is called once per image, in ascending order,
   * with the gradient [...spatial, channels] (valid during the call only), the score, and the sums that a rule set
   * reports by name (relevance by layer). Of rules that compare with a reference image, `reference score` is its score.
   */
  gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, score: number, sums?: Readonly<Record<string, number>>) => void,
    options?: GradientOptions,
  ): Promise<void>;
}

/** Values of one layer for each image: [n, ...spatial, channels], or [n, …] as it is where the layer is not spatial. */
export interface LayerValues {
  readonly layer: string;
  readonly activations: Tensor;
  /** Whether the axes between the first and the last are those of the image. Default: where there are four. */
  readonly spatial?: boolean;
  /** Why they are not, where that is known. */
  readonly notSpatial?: string;
}

export interface LayerGradients extends LayerValues {
  /** d score / d activations, of the shape of the activations. */
  readonly gradients: Tensor;
}

export interface LayerList {
  /** The layers that can be asked for, in graph order. */
  layers(): Promise<readonly LayerInfo[]>;
}

export interface Activations extends LayerList {
  /** Forward only. `undefined` stands for the CAM layer. */
  activations(
    batch: Batch,
    layers: readonly (string | undefined)[],
    options?: { signal?: AbortSignal },
  ): Promise<readonly LayerValues[]>;
}

export interface Layers extends LayerList {
  /** Activations of a layer and d score / d activations, both [n, h, w, channels]; `layer` undefined: the CAM layer. */
  layer(
    batch: Batch,
    target: Target,
    layer: string | undefined,
    options?: { signal?: AbortSignal },
  ): Promise<LayerGradients>;
  /** The same for several layers. */
  layerGradients(
    batch: Batch,
    target: Target,
    layers: readonly (string | undefined)[],
    options?: { signal?: AbortSignal },
  ): Promise<readonly LayerGradients[]>;
}

export interface Continuation extends Activations {
  /**
   * Scores of all classes, [n, classes], of the network run on from given activations of a layer. `batch` writes
   * activations [...spatial, channels] of that layer, as `activations` gives them. The image belongs to what else of
   * the network depends on it.
   */
  continueFrom(
    layer: string | undefined,
    batch: Batch,
    options: { as: ScoreKind; image: Tensor; signal?: AbortSignal },
  ): Promise<Tensor>;
}

/** One place where a bias is added: its value times the gradient there, for one image. */
export interface BiasTerm {
  readonly name: string;
  /** [...spatial, channels], or [channels] for a dense layer. */
  readonly value: Tensor;
  readonly spatial: boolean;
}

export interface BiasGradients {
  /** Input gradient, score and all bias terms of one image after the other (Srinivas and Fleuret 2019). */
  biasGradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, score: number, terms: readonly BiasTerm[]) => void,
    options?: { signal?: AbortSignal },
  ): Promise<void>;
}

/** One attention block: softmax(QKᵀ) of one image, [heads, tokens, tokens]; each row sums to 1. */
export interface AttentionBlock {
  readonly name: string;
  readonly weights: Tensor;
  /** The score's gradient with respect to the weights, of their shape; absent where no target was given. */
  readonly gradients?: Tensor;
}

/** Attention blocks from the image to the scores, and how their tokens lie on the image. */
export interface AttentionOnImage {
  readonly blocks: readonly AttentionBlock[];
  /** Rows and columns of the patches; tokens beyond them (class, registers) come first. */
  readonly grid: readonly [number, number];
  readonly extraTokens: number;
}

export interface AttentionMaps {
  /**
   * The attention blocks of one image: forward only without a target, else with the gradients of its score.
   * @throws CtXaiError LAYER where it turns out that the tokens do not lie on the image as they should
   */
  attention(image: Batch, target?: Target, options?: { signal?: AbortSignal }): Promise<AttentionOnImage>;
}

export interface CapabilityInterfaces {
  gradients: Gradients;
  'backward-rules': Gradients;
  activations: Activations;
  layers: Layers;
  continuation: Continuation;
  'bias-gradients': BiasGradients;
  attention: AttentionMaps;
}

type UnionToIntersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;

/** The methods that come with a list of capabilities; one that was not declared does not type-check. */
export type Caps<R extends readonly Capability[]> = R extends readonly []
  ? unknown
  : UnionToIntersection<CapabilityInterfaces[R[number]]>;

/** A classifier with all its optional methods, as engines make them; `capabilities` says which of them work. */
export type FullClassifier = Classifier & Gradients & Layers & Continuation & BiasGradients & AttentionMaps;
