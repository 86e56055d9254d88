import type { Performance } from '../../core/statistics/performance.ts';
import type { Summary } from '../../core/statistics/summary.ts';
import type { GroupRow, Manifest, Passes, SampleRow, TimingRow } from '../../results/rows.ts';
import type { MapCell } from '../summary/collect.ts';
import type { Means, PassMeans } from '../summary/means.ts';
import type { Tally } from '../summary/tally.ts';
import type { BudgetAnalysis } from './budget-analysis.ts';

export type ModelEntry = Manifest['models'][number];
export type MethodEntry = Manifest['methods'][number];
export type MetricEntry = Manifest['metrics'][number];

/** What all renderers show, computed once from a run's rows. */
export interface Analysis {
  readonly models: readonly ModelAnalysis[];
  readonly findings: readonly Finding[];
}

/** A sentence for the top of the report. */
export interface Finding {
  readonly kind: 'can' | 'caution' | 'cannot';
  readonly text: string;
}

export interface ModelAnalysis {
  readonly model: ModelEntry;
  /** Images that the model was asked about, and those it answered for. */
  readonly images: number;
  readonly answered: number;
  readonly patients: number;
  /** Why it did not answer. */
  readonly others: Tally;
  /** Over the answered images that have a label; absent without any. */
  readonly performance?: Performance;
  readonly metrics: readonly MetricAnalysis[];
  /** Metrics with one value for all maps of an explainer. */
  readonly groups: readonly GroupAnalysis[];
  readonly maps: readonly MapCell[];
  readonly timings: readonly TimingRow[];
  /** Passes of all values, as asked for, and those of them that sharing saved. */
  readonly scoring: { readonly asked: Passes; readonly saved: Passes };
  /** Absent where no budgets were tried. */
  readonly budgets?: BudgetAnalysis;
  readonly strata: readonly Stratum[];
}

/** Images that the classifier handled alike: a class, recognised or missed. */
export interface Stratum {
  readonly name: string;
  readonly samples: ReadonlySet<string>;
  readonly patients: number;
}

export interface MetricAnalysis {
  readonly metric: MetricEntry;
  readonly methods: readonly MethodResult[];
  readonly controls: readonly ControlResult[];
  /** Absent where fewer than two methods have values. */
  readonly ranking?: MetricRanking;
  /** The value that a map without knowledge would have, where the metric says: mean over images. */
  readonly chance?: number;
}

/** A metric that has one value for all maps of an explainer and model. */
export interface GroupAnalysis {
  readonly metric: MetricEntry;
  /** Methods and controls in the plan's order; without a row, the run was cut. */
  readonly rows: readonly { readonly method: MethodEntry; readonly row?: GroupRow }[];
}

export interface CellResult {
  readonly method: MethodEntry;
  /** Absent without values. */
  readonly summary?: Summary;
  /** Standard deviation of patients' means; absent with fewer than two. */
  readonly sd?: number;
  readonly others: Tally;
  /** Values that have no row: the run was cut. */
  readonly notRun: number;
  readonly details: Means;
  readonly passes: PassMeans;
  readonly curve?: CurveBand;
}

export interface MethodResult extends CellResult {
  /** Whether the method and the metric use the same baseline, which favours the method. */
  readonly matched: boolean;
  /** Against the same method's maps of other patients. */
  readonly shuffled?: Difference;
  /** Against the controls that are the same for all methods. */
  readonly controls: readonly Difference[];
  /** In the order of the model's strata; absent where the stratum has no values. */
  readonly strata: readonly (Summary | undefined)[];
}

export interface ControlResult extends CellResult {
  readonly of?: string;
}

/** Mean over patients of the mean within-patient difference method − control, over images that have both. */
export interface Difference {
  readonly control: string;
  readonly summary: Summary;
  /** `better`, `worse`: the interval excludes 0; `open`: it does not, or there is none. */
  readonly verdict: 'better' | 'worse' | 'open';
}

/** Rank sets of the methods that have values; all hold at once with 95 %. */
export interface MetricRanking {
  readonly canRank: boolean;
  readonly patients: number;
  /** Patients without one image that all ranked methods have a value for. */
  readonly incomplete: number;
  readonly floor: number;
  /** By method id; rank 1 is best. */
  readonly sets: ReadonlyMap<string, readonly [number, number]>;
  /** The same where missing values count as the image's worst; absent where none is missing. */
  readonly worstCase?: ReadonlyMap<string, readonly [number, number]>;
  readonly pairs: readonly Pair[];
}

/** Two methods, the one with the better mean first. */
export interface Pair {
  readonly better: string;
  readonly worse: string;
  /** Mean over complete patients of better − worse. */
  readonly difference: number;
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
