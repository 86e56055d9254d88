import type { Rng } from '../rng.ts';
import type { Tensor } from '../tensor.ts';
import type { BackwardRules, Capability, Caps, Classifier, ModelFacts } from './model.ts';
import type { PassCount, Undefined } from './outcome.ts';

/**
 * What a map's values are. `additive`: the pixels sum to a difference of scores (integrated gradients, DeepLIFT).
 * `regional`: a pixel shows the effect of the region that it lies in, so that pixels do not sum (LIME, occlusion,
 * RISE). `ranking`: only the order of the pixels means something (Grad-CAM, saliency).
 */
export type AttributionKind = 'additive' | 'regional' | 'ranking';

/** One signed, unnormalised map [...spatial] on the model's grid, channels summed. */
export interface Attribution {
  readonly map: Tensor;
  /** Standard errors of the map's values, of its shape, where the explainer samples and theory gives them. */
  readonly standardErrors?: Tensor;
  /** For regional maps: the region of each pixel as a number from 0, so that metrics can weigh regions, not pixels. */
  readonly regions?: Int32Array;
  /**
   * Of class activation maps: the signed map on the layer's grid, before ReLU and enlarging. Two explainers whose layer
   * maps are equal up to a factor are one explainer on this model.
   */
  readonly layerMap?: Tensor;
  /** Numbers about the map: R², completeness gap, segments, … Finite, or left out. */
  readonly diagnostics?: Readonly<Record<string, number>>;
  /** Words about the map: the layer used, … */
  readonly notes?: Readonly<Record<string, string>>;
}

/** What an explainer and a metric both see of an image. */
export interface ImageContext {
  /** [...spatial, channels], input space. */
  readonly image: Tensor;
  /** [...spatial, channels], input space: what stands for "nothing there". */
  readonly baseline: Tensor;
  /**
   * Where the baseline is a filler: the image with the pixels of `removed` ([...spatial] of 0 and 1) filled from the
   * rest. Absent where the baseline is one image.
   */
  readonly fill?: (removed: Uint8Array) => Tensor;
  /** [...spatial] in 0…1: the image in the card's window, to segment and to show. */
  readonly view: Tensor;
  /** Millimetres per pixel of the model's grid, one per axis; absent where unknown. */
  readonly spacing?: readonly number[];
  /**
   * How far apart input values are between the ends of the card's window, one per channel; absent where unknown. Noise
   * and steps that are given as a share of the window are multiplied by it.
   */
  readonly windowRange?: readonly number[];
  readonly signal: AbortSignal;
}

/**
 * Work shared by the explainers and metrics of one image and model: computed once per key. Disabled while timing.
 * What a key costs is counted on everybody who takes it.
 */
export type Memo = <T>(key: string, compute: () => Promise<T>) => Promise<T>;

/** A factor of a phantom (a lesion, a letter) that can be switched off, and what that changes. */
export interface FactorEffect {
  readonly name: string;
  /** `lesion`, `distractor`, `confounder` or `placebo`. */
  readonly role: string;
  /** [...spatial] of 0 and 1 on the model's grid; absent for a factor that can't be localised. */
  readonly region?: Tensor;
  /** Exact Shapley value of the factor for the target's log-odds. */
  readonly effect: number;
  /** Σ|ΔHU| of switching it off. */
  readonly change: number;
  /** |ΔHU| of each pixel, [...spatial] on the model's grid; absent: the same everywhere in the region. */
  readonly sizes?: Tensor;
}

/** Placebos, copies of images that differ by chance alone, by which effects are told from none. */
export interface PlaceboEffects {
  /** The 99th percentile of the sizes of their effects. */
  readonly percentile: number;
  readonly placebos: number;
  readonly patients: number;
}

/** What is known by intervention about one image and model. */
export interface Effects {
  readonly factors: readonly FactorEffect[];
  /** Effects up to this size are not told from none. */
  readonly threshold: number;
  /** What the threshold rests on; absent: no placebos were measured, and it is a convention. */
  readonly placebos?: PlaceboEffects;
  /** Share of what the factors do that no sum of single effects explains: 1 − R² of the additive fit, 0 … 1. */
  readonly interaction: number;
  /** Interaction index: Σ|I_jk| / (Σ|I_jk| + Σ|φ_j|) of Shapley's pairwise interactions I_jk, 0 … 1. */
  readonly interactionIndex: number;
  /** The target's log-odds where every factor is switched off. */
  readonly background: number;
  /** Share of Σ|ΔHU| of all factors that lies in the regions which maps are scored on, 0 … 1. */
  readonly covered: number;
}

/** A model with every ability, as an explainer is handed it; it declares those that it uses. */
export type AbleModel = Classifier & Caps<readonly Capability[]>;

export interface ExplainContext<R extends readonly Capability[], O> extends ImageContext {
  readonly model: Classifier & Caps<R>;
  readonly target: { readonly class: number };
  readonly options: O;
  readonly rng: Rng;
  readonly memo: Memo;
  /** For explainers that need 'donor': the map of the same method for another patient of the same class explained. */
  readonly donor?: Tensor;
  /** For explainers that wrap another: the wrapped explainer's map of another image, same target and same seed. */
  readonly inner: (image: Tensor) => Promise<Attribution | Undefined>;
  /** Names the wrapped explainer with its options, for keys of shared work; absent: nothing may be shared. */
  readonly innerKey?: string;
  /** For explainers that need 'training-images': images of training patients in input space, at most `count`. */
  readonly trainingImages: (count: number) => Promise<readonly Tensor[]>;
  /** For explainers that need 'effects': of this model; for those that need 'other-effects': of another one. */
  readonly effects?: Effects;
}

/** What an explainer needs besides image and model. */
export type ExplainerNeed = 'donor' | 'effects' | 'other-effects' | 'training-images';

/** What one explanation costs, or at most costs. */
export interface Cost extends PassCount {
  /** The numbers are an upper bound. */
  readonly atMost?: boolean;
  /** The mean over images, where it is not what is said here. */
  readonly expected?: PassCount;
  /** Of the passes, those that others may ask for as well, and that are then made once. */
  readonly shared?: readonly SharedPasses[];
}

/** Passes that whoever names them alike asks for: once for an image and model, or once for a map. */
export interface SharedPasses extends PassCount {
  readonly key: string;
  readonly per: 'image' | 'map';
}

/** How conformance runs make a part small enough to be checked quickly. */
export interface CheckSettings {
  /** Options to check with, where the defaults are slow. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Names of checks that this part can't pass, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** An explainer as the registry holds it. Made by `defineExplainer`. */
export interface Explainer {
  /** kebab-case; the file's name for built-ins. */
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** For whom it is and when to prefer another, in one plain sentence; '' where an explainer does not say. */
  readonly advice: string;
  /** Paper, year; a DOI or arXiv number where there is one. */
  readonly cite: string;
  /** What the map's values are, with these options. */
  kindOf(options: unknown): AttributionKind;
  /** Controls are reference lines, never candidates. */
  readonly role: 'method' | 'control';
  /** What the model must offer, with these options. */
  requiresOf(options: unknown): readonly Capability[];
  /** The backward rules that it takes first, with these options; undefined where it takes none. */
  rulesOf(options: unknown): BackwardRules | undefined;
  /** What it must be given besides, with these options. */
  needsOf(options: unknown): readonly ExplainerNeed[];
  /** The explainer that it wraps unless a suite names another with `of`; absent: it wraps none. */
  readonly wraps?: string;
  /** Options of the wrapped explainer, as long as a suite names no other. */
  innerOptionsOf(options: unknown): Readonly<Record<string, unknown>>;
  /** The baseline used unless the suite names one; absent: the explainer uses none. */
  readonly baseline?: string;
  /** Whether it follows a path from the baseline to the image, so that a filler can't be its baseline. */
  readonly followsPath: boolean;
  /** Whether its map is the same for every class (Eigen-CAM, attention rollout). */
  readonly classBlind: boolean;
  /** What ties the pixels of most maps: one value for each of few regions, or 0 over much of the image. */
  tiesOf(options: unknown): ModelFacts['tied'];
  /** Whether another seed gives another map. */
  readonly draws: boolean;
  /** Numbers of spatial dimensions that it works in. */
  readonly dimensions: readonly number[];
  /** Its random stream's name: explainers of one family draw the same numbers and share work. Default: its name. */
  readonly stream: string;
  /** A zod object whose defaults are the explainer's defaults. */
  readonly options: OptionsSchema;
  /** Named option sets that copy a known tool's defaults; may also name the baseline. */
  readonly presets: Readonly<Record<string, Preset>>;
  readonly checks: CheckSettings;
  /** Passes that one explanation costs; of a wrapped explainer, `inner` is what each of its explanations costs. */
  cost(options: unknown, model: ModelFacts, inner?: Cost): Cost;
  /**
   * Options that spend about this many passes (forward and backward added), never more; undefined where there are too
   * few. Absent: what it costs is not a choice. `inner` is what each explanation of a wrapped explainer costs.
   */
  spend?(
    passes: number,
    options: unknown,
    model: ModelFacts,
    inner?: Cost,
  ): Readonly<Record<string, unknown>> | undefined;
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
