import type { Performance } from '../../core/statistics/performance.ts';
import type { RegressionErrors } from '../../core/statistics/regression-errors.ts';
import type { Summary } from '../../core/statistics/summary.ts';
import type { Judged as JudgedComparison } from '../../core/statistics/verdicts.ts';
import type { GroupRow, Manifest, Passes, SampleRow, TimingRow } from '../../results/rows.ts';
import type { MapCell } from '../summary/collect.ts';
import type { PassMeans } from '../summary/means.ts';
import type { Tally } from '../summary/tally.ts';
import type { Agreement } from './agreement.ts';
import type { AnalysisSettings } from './analysis-settings.ts';
import type { AuditEntry } from './audit.ts';
import type { MetricStability } from './audit-stability.ts';
import type { BaselineCross } from './baseline-cross.ts';
import type { BudgetAnalysis } from './budget-analysis.ts';
import type { ClassifierAnalysis } from './classifier.ts';
import type { TrainingsAnalysis } from './trainings.ts';

export type ModelEntry = Manifest['models'][number];
export type MethodEntry = Manifest['methods'][number];
export type MetricEntry = Manifest['metrics'][number];

import type { TruthAnalysis } from './truth.ts';

/** What all renderers show, computed once from a run's rows. */
export interface Analysis {
  readonly settings: AnalysisSettings;
  readonly models: readonly ModelAnalysis[];
  /** Groups of two or more trainings of one recipe. */
  readonly trainings: readonly TrainingsAnalysis[];
  readonly findings: readonly Finding[];
}

/** A sentence on what may be concluded, for the appendix. */
export interface Finding {
  readonly kind: 'can' | 'caution' | 'cannot';
  readonly text: string;
}

export interface ModelAnalysis {
  readonly model: ModelEntry;
  /** Images that the model was asked about, and those it answered for. */
  readonly images: number;
  readonly answered: number;
  /** Of those that it answered for, the images that are to be explained: fewer where the suite explains positives. */
  readonly explained: number;
  readonly patients: number;
  /** Why it did not answer. */
  readonly others: Tally;
  /** Over the answered images that have a label; absent without any. */
  readonly performance?: Performance;
  /** The same with exams and subgroups beside it. */
  readonly classifier?: ClassifierAnalysis;
  /** Of a regression, in place of a classifier's performance: over the answered images whose value is known. */
  readonly errors?: RegressionErrors;
  /** The class that counts as positive; of a regression, the value explained. */
  readonly positive: string;
  /** The images that all means, intervals and ranks are of, unless another stratum is named. */
  readonly primary: Stratum;
  /** Strata beside the primary one. */
  readonly strata: readonly Stratum[];
  /** One for each metric over single maps; the mean of several, where that is the primary metric, comes last. */
  readonly metrics: readonly MetricAnalysis[];
  /** Id of the primary metric among them; absent: there is none. */
  readonly primaryMetric?: string;
  /** Metrics with one value for all maps of an explainer. */
  readonly groups: readonly GroupAnalysis[];
  /** Which of the metrics can be believed here. */
  readonly audit: readonly AuditEntry[];
  /** Whether the order of the explainers depends on what should not matter; empty where nothing was repeated. */
  readonly stability: readonly MetricStability[];
  /** Absent where nothing is known by intervention. */
  readonly truth?: TruthAnalysis;
  readonly agreement: Agreement;
  /** Metrics that were computed with several baselines. */
  readonly crosses: readonly BaselineCross[];
  /** Explainers that are one explainer on this model: their maps are the same at the layer that they are made at. */
  readonly same: readonly (readonly string[])[];
  readonly maps: readonly MapCell[];
  readonly timings: readonly TimingRow[];
  /** Passes of all values, as asked for, and those of them that sharing saved. */
  readonly scoring: { readonly asked: Passes; readonly saved: Passes };
  /** Absent where no budgets were tried. */
  readonly budgets?: BudgetAnalysis;
}

/** Images that are alike in their reference, the class explained, and, where it is named, what the classifier made of them. */
export interface Stratum {
  readonly name: string;
  readonly samples: ReadonlySet<string>;
  readonly patients: number;
}

/** One metric on one model, over the primary stratum. */
export interface MetricAnalysis {
  readonly metric: MetricEntry;
  readonly methods: readonly MethodResult[];
  readonly controls: readonly ControlResult[];
  /** Absent where fewer than two methods have values. */
  readonly ranking?: MetricRanking;
  /** What a map that knows nothing scores, where the metric says: a constant, or a mean over patients. */
  readonly chance?: number;
  /** The smallest effect of interest, which verdicts against controls are judged by. */
  readonly smallest: number;
  /** Why explainers must not be ranked by this metric here. */
  readonly doNotRank?: string;
}

/** A metric that has one value for all maps of an explainer and model. */
export interface GroupAnalysis {
  readonly metric: MetricEntry;
  /** Methods and controls in the plan's order; without a row, the run was cut. */
  readonly rows: readonly { readonly method: MethodEntry; readonly row?: GroupRow }[];
}

/** The values of one method or control; all but `ok` and `strata` of the primary stratum. */
export interface CellResult {
  readonly method: MethodEntry;
  /** Absent without values. */
  readonly summary?: Summary;
  /** Standard deviation of patients' means; absent with fewer than two. */
  readonly sd?: number;
  readonly others: Tally;
  /** Values that have no row: the run was cut. */
  readonly notRun: number;
  /** Of all strata: values, and rows without one. */
  readonly all: { readonly ok: number; readonly others: Tally; readonly notRun: number };
  readonly passes: PassMeans;
  readonly curve?: CurveBand;
  /** In the order of the model's other strata; absent where the stratum has no values. */
  readonly strata: readonly (Summary | undefined)[];
}

export interface MethodResult extends CellResult {
  /** Whether the method and the metric use the same baseline, which favours the method. */
  readonly matched: boolean;
  /** Against the same method's maps of other patients. */
  readonly shuffled?: Difference;
  /** Against the controls that are the same for all methods. */
  readonly controls: readonly Difference[];
}

export interface ControlResult extends CellResult {
  readonly of?: string;
}

/**
 * Mean over patients of the mean within-patient difference method − control, over images that have both; with the
 * verdict on it, adjusted for all verdicts of the metric, model and stratum.
 */
export interface Difference extends JudgedComparison {
  readonly control: string;
}

/** Rank sets of the methods that can be ranked; all hold at once with 95 %. */
export interface MetricRanking {
  readonly canRank: boolean;
  /** Fewer patients than a confirmed order needs. */
  readonly exploratory: boolean;
  readonly patients: number;
  /** Patients without one image that all ranked methods have a value for. */
  readonly incomplete: number;
  readonly floor: number;
  /** By method id; rank 1 is best. Empty where all are tested against one reference. */
  readonly sets: ReadonlyMap<string, readonly [number, number]>;
  /** The same where missing values count as the image's worst; absent where none is missing. */
  readonly worstCase?: ReadonlyMap<string, readonly [number, number]>;
  readonly pairs: readonly Pair[];
  /** By method id: the mean over patients of its rank among those ranked. */
  readonly meanRanks: ReadonlyMap<string, number>;
  /** Methods that are not ranked since too few of the images have a value. In the worst case they are last. */
  readonly leftOut: readonly { readonly method: string; readonly share: number }[];
  /** Methods that are not ranked since their maps are another's. */
  readonly same: ReadonlyMap<string, string>;
  /** The explainer that all others are tested against, where they are too many for all pairs. */
  readonly reference?: string;
  /** Pairs that a stratum orders the other way: then no order is shown. */
  readonly reversals: readonly { readonly stratum: string; readonly ahead: string; readonly behind: string }[];
}

/** Two methods, the one with the better mean first. */
export interface Pair {
  readonly better: string;
  readonly worse: string;
  /** Mean over complete patients of better − worse. */
  readonly difference: number;
  /** Standard deviation between patients of that difference. */
  readonly sd: number;
  /** Adjusted for all pairs. */
  readonly p: number;
  readonly significant: boolean;
}

/** A mean curve over patients on the common grid, with a pointwise 95 % interval where six or more carry it. */
export interface CurveBand {
  readonly images: number;
  readonly patients: number;
  readonly mean: Float64Array;
  readonly low?: Float64Array;
  readonly high?: Float64Array;
}

/** Rows of the samples that a model answered for, by id. */
export type Answered = ReadonlyMap<string, SampleRow>;
