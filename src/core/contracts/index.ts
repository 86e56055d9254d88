import type { Rng } from '../rng.ts';
import type { Tensor } from '../tensor.ts';

/* ------------------------------------------------------------------ models */

/** What a loaded model can do beyond scores. */
export type Capability = 'gradients' | 'layers';

/**
 * A scalar score of a class: its logit z_t; its margin f = z_t − log Σ_{c≠t} exp z_c, the log-odds of softmax
 * (for one sigmoid unit s₁ = z, s₀ = −z); or its probability.
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
  /** Writes image `i`, [h, w, c] in input space, into `out`, all of it. Called once per image, in ascending order. */
  write(i: number, out: Float32Array): void;
}

/** Counts passes; every explanation and metric has its own. */
export interface Meter {
  forward(images: number): void;
  backward(images: number): void;
}

export interface LayerInfo {
  /** The tensor's name in the model file. */
  readonly name: string;
  /** [h, w, channels] for one image, or the shape as it is where the layer is not spatial. */
  readonly shape: readonly number[];
  readonly operator: string;
  readonly spatial: boolean;
  /** Whether CAM methods use this layer unless told otherwise. */
  readonly cam: boolean;
}

/** A model loaded on an engine and a device. Methods may be called concurrently. Images are [h, w, c], input space. */
export interface Classifier {
  readonly id: string;
  readonly input: { readonly spatial: readonly [number, number]; readonly channels: number };
  readonly classes: readonly string[];
  readonly capabilities: ReadonlySet<Capability>;
  readonly runtime: Runtime;
  /** Scores of all classes, [n, classes]. */
  scores(batch: Batch, options: { as: ScoreKind; signal?: AbortSignal }): Promise<Tensor>;
  /** The same model, counting what is asked of it on `meter`. */
  metered(meter: Meter): Classifier;
  /** Where operators run, for the graphs that were used so far; absent where an engine has one device only. */
  placements?(): Promise<readonly Placement[]>;
  readonly tracer?: Tracer;
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
  /** What should be said of how it runs, such as that it was converted. */
  readonly note?: string;
  /** Why there are no gradients, where there are none. */
  readonly limitations?: Readonly<Partial<Record<Capability, string>>>;
}

export interface Gradients {
  /**
   * d score / d input. `consume` is called once per image, in ascending order, with the gradient [h, w, c]
   * (valid during the call only) and the score.
   */
  gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, score: number) => void,
    options?: { signal?: AbortSignal },
  ): Promise<void>;
}

export interface Layers {
  /** The layers that can be asked for, in graph order. */
  layers(): Promise<readonly LayerInfo[]>;
  /** Activations of a layer and d score / d activations, both [n, h, w, channels]; `layer` undefined: the CAM layer. */
  layer(
    batch: Batch,
    target: Target,
    layer: string | undefined,
    options?: { signal?: AbortSignal },
  ): Promise<{ readonly layer: string; readonly activations: Tensor; readonly gradients: Tensor }>;
}

export interface CapabilityInterfaces {
  gradients: Gradients;
  layers: Layers;
}

type UnionToIntersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;

/** The methods that come with a list of capabilities; one that was not declared does not type-check. */
export type Caps<R extends readonly Capability[]> = R extends readonly []
  ? unknown
  : UnionToIntersection<CapabilityInterfaces[R[number]]>;

/** A classifier with all its optional methods, as engines make them. */
export type FullClassifier = Classifier & Gradients & Layers;

/* ------------------------------------------------------------------ outcomes */

/** Why a value has no meaning here. Never a number. */
export interface Undefined {
  readonly undefined: string;
}

/** `ok`: a number or map. `undefined`: it has no meaning here. `skipped`: not applicable. `failed`: something broke. */
export type Status = 'ok' | 'undefined' | 'skipped' | 'failed';

export function undefinedBecause(reason: string): Undefined {
  return { undefined: reason };
}

export function isUndefined(result: object): result is Undefined {
  return 'undefined' in result;
}

/* ------------------------------------------------------------------ explainers */

/** One signed, unnormalised map [h, w] on the model's grid, channels summed. */
export interface Attribution {
  readonly map: Tensor;
  /** Numbers about the map: R², completeness gap, segments, … Finite, or left out. */
  readonly diagnostics?: Readonly<Record<string, number>>;
  /** Words about the map: the layer used, … */
  readonly notes?: Readonly<Record<string, string>>;
}

/** What an explainer and a metric both see of an image. */
export interface ImageContext {
  /** [h, w, c], input space. */
  readonly image: Tensor;
  /** [h, w, c], input space: what stands for "nothing there". */
  readonly baseline: Tensor;
  /** [h, w] in 0…1: the image in the card's window, to segment and to show. */
  readonly view: Tensor;
  /** Millimetres per pixel of the model's grid, [rows, columns]; absent where unknown. */
  readonly spacing?: readonly [number, number];
  readonly signal: AbortSignal;
}

export interface ExplainContext<R extends readonly Capability[], O> extends ImageContext {
  readonly model: Classifier & Caps<R>;
  readonly target: { readonly class: number };
  readonly options: O;
  readonly rng: Rng;
  /** For explainers with `needsDonor`: the same method's map of another patient. */
  readonly donor?: Tensor;
}

export interface ModelInput {
  readonly spatial: readonly [number, number];
  readonly channels: number;
}

/** A method as the registry holds it. Made by `defineExplainer`. */
export interface Explainer {
  /** kebab-case; the file's name for built-ins. */
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** Paper, year; a DOI or arXiv number where there is one. */
  readonly cite: string;
  /** `additive`: values sum to a score difference; `ranking`: only their order means something. */
  readonly kind: 'additive' | 'ranking';
  /** Controls are reference lines, never candidates. */
  readonly role: 'method' | 'control';
  readonly requires: readonly Capability[];
  /** The baseline used unless the suite names one; absent: the explainer uses none. */
  readonly baseline?: string;
  readonly needsDonor: boolean;
  /** A zod object whose defaults are the explainer's defaults. */
  readonly options: OptionsSchema;
  /** Named option sets that copy a known tool's defaults; may also name the baseline. */
  readonly presets: Readonly<Record<string, Preset>>;
  /** Passes one explanation costs, for `check`. */
  cost(options: unknown, input: ModelInput): { forward: number; backward: number };
  /**
   * Options that spend about this many passes (forward and backward added), never more; undefined where there are too
   * few. Absent: what it costs is not a choice.
   */
  spend?(passes: number, options: unknown, input: ModelInput): Readonly<Record<string, unknown>> | undefined;
  explain(context: ExplainContext<readonly Capability[], unknown>): Promise<Attribution | Undefined>;
}

export interface Preset {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly baseline?: string;
}

/** The part of a zod schema that the registry needs. */
export interface OptionsSchema {
  parse(value: unknown): unknown;
  safeParse(value: unknown): { success: true; data: unknown } | { success: false; error: unknown };
}

/* ------------------------------------------------------------------ metrics */

export interface Curve {
  /** True fractions of pixels perturbed, ascending from 0 to 1. */
  readonly fraction: readonly number[];
  readonly score: readonly number[];
}

export interface Score {
  readonly value: number;
  readonly curve?: Curve;
  readonly details?: Readonly<Record<string, number>>;
}

export type MetricNeed = 'model' | 'mask';

export interface MetricContext<O> extends ImageContext {
  /** Metrics that do not list 'model' in `needs` must not touch it. */
  readonly model: Classifier;
  readonly target: { readonly class: number };
  /** [h, w], finite and not constant: the runner answers for maps that are not. */
  readonly attribution: Tensor;
  readonly kind: Explainer['kind'];
  /** [h, w] of 0 and 1 on the model's grid; there if `needs` has 'mask' (but it may be empty). */
  readonly mask?: Tensor;
  readonly options: O;
  /** The same for all methods on this image and model, so that ties fall alike. */
  readonly rng: Rng;
  /** Work shared by the metrics of one image and model: computed once per key. Disabled while timing. */
  readonly memo: <T>(key: string, compute: () => Promise<T>) => Promise<T>;
}

export type MetricCategory = 'faithfulness' | 'localisation' | 'robustness' | 'randomisation' | 'complexity';

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
  readonly needs: readonly MetricNeed[];
  /** The baseline used unless the suite names one; absent: the metric uses none. */
  readonly baseline?: string;
  readonly options: OptionsSchema;
  readonly presets: Readonly<Record<string, Preset>>;
  cost(options: unknown, input: ModelInput): { forward: number; backward: number };
  evaluate(context: MetricContext<unknown>): Promise<Score | Undefined>;
}

/* ------------------------------------------------------------------ data */

export type Unit = 'HU' | 'grey';

/** Pixels as read: grey levels 0…255 (16-bit files are scaled to that, fractions kept) or HU. */
export interface Source {
  /** [h, w] */
  readonly pixels: Tensor;
  /** [h, w, 3], red, green and blue: the same picture where it is not grey; `pixels` is then its luma. Never in HU. */
  readonly colour?: Tensor;
  readonly unit: Unit;
  readonly spacing?: readonly [number, number];
}

export interface Sample {
  /** Unique in its dataset; the file's relative path for folders. */
  readonly id: string;
  readonly patient: string;
  /** One of the dataset's labels. */
  readonly label?: string;
  /** The split that the data puts it in, where it has splits. */
  readonly split?: string;
  readonly hasMask: boolean;
  /** Where it came from, for tables and messages. */
  readonly source: string;
  load(signal?: AbortSignal): Promise<{ readonly source: Source; readonly mask?: Tensor }>;
}

export interface Dataset {
  readonly name: string;
  /** Label names as the data has them. */
  readonly labels: readonly string[];
  /** Changes when the data does. */
  readonly digest: string;
  readonly count: number;
  samples(): AsyncIterable<Sample>;
}

/** How a suite's `data: { use: name, … }` becomes a dataset. */
export interface DataReader {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly options: OptionsSchema;
  /** `base`: the folder that relative paths start from. */
  open(options: unknown, context: { readonly base: string }): Promise<Dataset>;
}

/** A baseline, defined on the model's grid. */
export interface Baseline {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** `raw`: in HU or grey levels, then through the card's intensity steps; `input`: in what the network eats. */
  readonly space: 'raw' | 'input';
  /** `raw`: [h, w] → [h, w], or [h, w, 3] for a coloured picture. `input`: [h, w, c] → [h, w, c]. */
  make(image: Tensor, context: { readonly card: ModelCard; readonly spacing?: readonly [number, number] }): Tensor;
}

/* ------------------------------------------------------------------ model card */

/** One pointwise step on values that the window has brought to 0…1; statistics come from the unperturbed image. */
export type IntensityStep =
  | { readonly multiply: number | readonly number[] }
  | { readonly subtract: number | readonly number[] }
  | { readonly divide: number | readonly number[] }
  | { readonly normalise: 'min-max' | 'z-score' };

/** `model.yaml` beside the weights, checked and with defaults filled in. */
export interface ModelCard {
  readonly id: string;
  /** Absolute path of the weights. */
  readonly file: string;
  /** Absolute path of the card, or of the weights where the card is inline in a suite. */
  readonly origin: string;
  readonly format: 'onnx' | 'tfjs';
  /** One softmax over the classes, or one sigmoid unit (classes = [negative, positive]). */
  readonly task: 'softmax' | 'sigmoid';
  /** What the file emits; a softmax or sigmoid tail found in the graph is cut in either case. */
  readonly emits: 'logits' | 'probabilities';
  /** `output` keeps the tail: 'logit' then means the model's own output. */
  readonly explainAt: 'logits' | 'output';
  readonly classes: readonly string[];
  readonly input: {
    readonly size: readonly [number, number];
    readonly channels: 1 | 3;
    /** Whether 3 channels see a picture's colours; false: its luma, three times. Default: true. */
    readonly colour?: boolean;
    readonly layout: 'NCHW' | 'NHWC';
    readonly name?: string;
  };
  readonly output?: string;
  readonly intensity: {
    readonly unit: Unit;
    /** Raw values here become 0 and 1; clipped outside. Default: [0, 255] grey, required for HU. */
    readonly window: readonly [number, number];
    /** The raw value of air: −1000 HU; for grey images the window's lower end. */
    readonly air: number;
    readonly steps: readonly IntensityStep[];
  };
  readonly resize: {
    /** `antialias` as Pillow does, or plain bilinear with half-pixel centres. */
    readonly antialias: boolean;
    /** `stretch` ignores the aspect; `crop` takes the middle square; `pad` adds air. */
    readonly fit: 'stretch' | 'crop' | 'pad';
    /** Round to whole grey levels, as Pillow and torchvision do on 8-bit images. Default: false. */
    readonly round?: boolean;
  };
  readonly camLayer?: string;
  readonly training?: string;
  readonly licence?: string;
  /** Measured figures, as the card states them. */
  readonly performance?: Readonly<Record<string, number>>;
}

/* ------------------------------------------------------------------ engines */

/** Proof, or the reason, for `doctor`. */
export interface DeviceReport {
  readonly engine: string;
  readonly version?: string;
  readonly device: string;
  /** `works`: one pass ran and its numbers were right. `never-run`: written, but not tried by its authors. */
  readonly state: 'works' | 'missing' | 'fails' | 'never-run';
  readonly detail: string;
  readonly hint?: string;
}

export interface OpenOptions {
  /** `auto` picks the best that works; anything else is used or refused. */
  readonly device: string;
  readonly threads?: number;
  readonly workers?: number;
  readonly microBatch?: number;
  /** Where tuned settings are remembered; absent: nowhere. */
  readonly cacheDir?: string;
  /** Read the device's clock, which slows the model down: never while wall time is measured. */
  readonly trace?: boolean;
  readonly signal?: AbortSignal;
}

export interface Engine {
  readonly name: string;
  readonly formats: readonly ModelCard['format'][];
  readonly devices: readonly string[];
  probe(): Promise<readonly DeviceReport[]>;
  /** Why `auto` had better take another engine for this model; undefined where it need not. Default: undefined. */
  declines?(card: ModelCard): Promise<string | undefined>;
  open(card: ModelCard, options: OpenOptions): Promise<FullClassifier>;
}
