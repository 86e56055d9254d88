import type { Baseline, Dataset, EarlierAudit, Explainer, Metric, ModelCard } from '../core/contracts/index.ts';
import type { Registry } from '../core/registry.ts';
import type { Discretion } from './discretion.ts';

/** A model that a suite names. */
export interface PlannedModel {
  readonly id: string;
  readonly card: ModelCard;
  /** SHA-256 (hex) of the weights and of what the card says, without paths. */
  readonly digest: string;
  /** The class index of each of the dataset's labels. */
  readonly classOf: ReadonlyMap<string, number>;
  /** Labels that say that a finding is not there: the finding's index. Only where findings do not exclude each other. */
  readonly absences?: ReadonlyMap<string, number>;
  /** The class explained, where the suite's target is the positive class or a class name. */
  readonly targetClass?: number;
  /** By metric id: what the audit beside the model says of the metric, on data with a known truth. */
  readonly audits?: Readonly<Record<string, EarlierAudit>>;
}

/** An explainer with everything decided. Its id is unique in the plan. */
export interface PlannedExplainer {
  readonly id: string;
  readonly explainer: Explainer;
  readonly preset?: string;
  /** Parsed by the explainer's own schema, defaults filled in. */
  readonly options: unknown;
  /** The baseline's name; absent where the explainer uses none. */
  readonly baseline?: string;
  /**
   * For explainers that need a donor (the control `shuffled`): the id of the planned explainer whose map of another
   * patient it takes. Planned after that explainer.
   */
  readonly of?: string;
  /** For explainers that wrap another: the one wrapped. */
  readonly inner?: PlannedExplainer;
}

/** A metric with everything decided. Its id is unique in the plan. */
export interface PlannedMetric {
  readonly id: string;
  readonly metric: Metric;
  readonly preset?: string;
  readonly options: unknown;
  /** The baseline's name; absent where the metric uses none. */
  readonly baseline?: string;
}

/** What is changed where a metric is repeated: its own random numbers, the explainer's, its baseline, or its steps. */
export type RepetitionChange = 'ties' | 'seed' | 'baseline' | 'steps';

/** A metric once more with one thing changed, to see whether its results depend on that. */
export interface PlannedRepetition extends PlannedMetric {
  /** Id of the metric that is repeated. */
  readonly of: string;
  readonly change: RepetitionChange;
}

/** Which class is explained: the model's positive one, the predicted one, the image's label, or always the same. */
export type PlannedTarget =
  | { readonly kind: 'positive' }
  | { readonly kind: 'predicted' }
  | { readonly kind: 'label' }
  | { readonly kind: 'class'; readonly name: string };

/** What the suite declares of the analysis of its results; it changes no row. */
export interface PlannedAnalysis {
  /** Ids of the metrics whose mean is the primary one; absent: the report chooses by rule. */
  readonly primary?: readonly string[];
  /** Smallest effect of interest, of all metrics or by metric id, in the metric's units. */
  readonly smallest?: number | Readonly<Record<string, number>>;
  /** Id of the explainer that all others are tested against where they are too many for all pairs. */
  readonly reference?: string;
  /** 'outcome', and columns of the data. */
  readonly strata: readonly string[];
  /** Share of the images that an explainer must have values for, to be ranked. */
  readonly least: number;
  /** Share of the patients that metrics are audited by and explainers are not ranked by; absent: none. */
  readonly audit?: number;
}

export interface PlannedTiming {
  readonly enabled: boolean;
  /** Images timed. */
  readonly samples: number;
  /** Explanations timed for each method and model, at least, over all its images. */
  readonly repeats: number;
  /** Seconds spent on each method and model, at most, once every image was timed. */
  readonly seconds: number;
  /** Seconds of the whole phase; `auto`: a tenth of the run, or two minutes, whichever is more. */
  readonly most: number | 'auto';
  /** Devices as `device` or `engine/device`; absent: the one of the run. */
  readonly devices?: readonly string[];
  /** Passes per explanation, ascending, without doubles; empty: no budgets are tried. */
  readonly budgets: readonly number[];
}

export interface PlannedEngine {
  /** An engine's name, or 'auto': the first that reads the model's format. */
  readonly use: string;
  readonly device: string;
  readonly threads?: number;
  readonly workers?: number;
  readonly microBatch?: number;
}

export interface PlannedOutput {
  /** Absolute; absent: the caller chooses (the command line: reports/<name> in the working folder). */
  readonly dir?: string;
  /** Whether maps are kept in attributions/. */
  readonly attributions: boolean;
  /** Whether curves are also written as curves.csv. */
  readonly curvesCsv: boolean;
  /** Images shown in the report's gallery. */
  readonly gallery: number;
  /** What becomes of cells that a spreadsheet would run. */
  readonly formulas: 'neutralised' | 'raw';
  /** Whether patients are called as the data calls them, or by keyed hashes. */
  readonly patients: 'plain' | 'hashed';
}

/** What one unit of work of a plug-in may take. */
export interface PluginLimits {
  readonly seconds: number;
  /** MiB. */
  readonly memory: number;
}

/** A suite with every name looked up, every option parsed and every digest taken: what a run does. */
export interface Plan {
  readonly name: string;
  /** Absolute path of the suite file; absent where the suite was an object. */
  readonly file?: string;
  readonly seed: number | string;
  /** The resolved suite, plain JSON: for the manifest. */
  readonly suite: Readonly<Record<string, unknown>>;
  /**
   * SHA-256 (hex) of all that affects results: models, data, labels, limit, methods, metrics, options, target, seed,
   * device, versions and plugins. Not of timing, output, or where files lie.
   */
  readonly digest: string;
  /** This package's version. */
  readonly version: string;
  readonly models: readonly PlannedModel[];
  /** Without the images whose label the suite maps to null. Take samples by `samplesOf`, which heeds `limit`. */
  readonly dataset: Dataset;
  /** The suite's map from the data's labels to class names; null: left out. */
  readonly labels: Readonly<Record<string, string | null>>;
  /** Methods in the suite's order, then controls; `of` always points backwards. */
  readonly explainers: readonly PlannedExplainer[];
  readonly metrics: readonly PlannedMetric[];
  /** Metrics repeated with one thing changed, for methods only. Absent: none. */
  readonly repetitions?: readonly PlannedRepetition[];
  /** Every baseline that explainers and metrics name. */
  readonly baselines: ReadonlyMap<string, Baseline>;
  readonly target: PlannedTarget;
  readonly analysis: PlannedAnalysis;
  /** Which images are explained: all, or those whose label is the model's positive class; others are predicted only. */
  readonly explained: 'all' | 'positives';
  /** Images of training patients, for parts that need them; absent where the suite names none. */
  readonly background?: Dataset;
  /** Images at most, spread evenly over the labels. */
  readonly limit?: number;
  readonly timing: PlannedTiming;
  readonly engine: PlannedEngine;
  readonly output: PlannedOutput;
  readonly limits?: PluginLimits;
  /** What may be written of names and paths; absent: all of it. */
  readonly discretion?: Discretion;
  /** Built-ins and the suite's plugins. */
  readonly registry: Registry;
}
