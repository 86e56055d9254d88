import { createRng, type Rng } from '../rng.ts';
import { type Calibration, calibration } from './calibration.ts';
import { quantile } from './quantile.ts';
import { auc, type RocOrder, rocOrder } from './roc.ts';

/** One classified image. */
export interface ClassifiedImage {
  /** Index of the true class. */
  readonly label: number;
  /** One per class. */
  readonly probabilities: readonly number[];
  readonly patient: string;
}

/** A share of images; null where there are none to count. The interval is null where it can't be had. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** One class against all others. */
export interface ClassPerformance {
  readonly images: number;
  readonly sensitivity: Estimate;
  readonly specificity: Estimate;
  readonly auc: Estimate;
}

export interface Performance {
  readonly images: number;
  readonly patients: number;
  readonly accuracy: Estimate;
  /** Of the positive class with two classes, else the mean over the classes that occur. */
  readonly sensitivity: Estimate;
  readonly specificity: Estimate;
  readonly auc: Estimate;
  /** Two classes: mean (p − y)² of the positive class, 0 … 1; more: mean Σ (p − y)² over classes, 0 … 2. */
  readonly brier: Estimate;
  /** Of the positive class's probability with two classes, else of the largest probability being right. */
  readonly calibration: Calibration;
  /** Images by [true class][predicted class]. */
  readonly confusion: readonly (readonly number[])[];
  readonly classes: readonly ClassPerformance[];
  /** The index that counts as positive; null with more than two classes. */
  readonly positive: number | null;
  /** How the intervals were made, for tables. */
  readonly interval: string;
}

export interface PerformanceOptions {
  readonly rng?: Rng;
  /** Resamples of patients. Default 2,000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  /** With two classes: which one is positive. Default 1. */
  readonly positive?: number;
  /** Bins of the calibration. Default 10. */
  readonly bins?: number;
}

/** With fewer patients a resample says nothing. */
const LEAST_PATIENTS = 6;
/** An interval is given if at least this share of the resamples has the images it needs. */
const LEAST_USABLE = 0.95;

/**
 * How good a classifier is on a data set. Values are over images, as a model's card states them; intervals resample
 * patients with all their images (percentile bootstrap). The predicted class is the most probable, the first of equals.
 * @throws RangeError without images, or with a label or probability that is not possible.
 */
export function performance(rows: readonly ClassifiedImage[], options: PerformanceOptions = {}): Performance {
  const { positive = 1, level = 0.95, resamples = 2000, bins = 10 } = options;
  const k = checked(rows);
  const binary = k === 2;
  const predicted = rows.map(row => row.probabilities.indexOf(Math.max(...row.probabilities)));
  const right = rows.map((row, i) => row.label === predicted[i]);
  const figures = figuresOf(rows, predicted, k, binary ? positive : null);
  const patients = [...new Set(rows.map(row => row.patient))].sort();
  const values = figures(new Float64Array(rows.length).fill(1));
  const samples = patients.length < LEAST_PATIENTS ? [] : resampled(rows, patients, figures, options);
  const estimate = (name: string): Estimate => {
    const usable = samples.map(sample => sample[name]).filter(v => v !== null && v !== undefined);
    const enough = samples.length > 0 && usable.length >= LEAST_USABLE * samples.length;
    const [low, high] = enough ? [quantile(usable, (1 - level) / 2), quantile(usable, (1 + level) / 2)] : [null, null];
    const value = values[name] ?? null;
    return value === null ? { value, low: null, high: null } : { value, low, high };
  };
  return {
    images: rows.length,
    patients: patients.length,
    accuracy: estimate('accuracy'),
    sensitivity: estimate('sensitivity'),
    specificity: estimate('specificity'),
    auc: estimate('auc'),
    brier: estimate('brier'),
    calibration: binary
      ? calibration(
          rows.map(row => row.probabilities[positive]!),
          rows.map(row => row.label === positive),
          bins,
        )
      : calibration(
          rows.map(row => Math.max(...row.probabilities)),
          right,
          bins,
        ),
    confusion: Array.from({ length: k }, (_, t) =>
      Array.from({ length: k }, (_, p) => rows.filter((row, i) => row.label === t && predicted[i] === p).length),
    ),
    classes: Array.from({ length: k }, (_, c) => ({
      images: rows.filter(row => row.label === c).length,
      sensitivity: estimate(`sensitivity ${c}`),
      specificity: estimate(`specificity ${c}`),
      auc: estimate(`auc ${c}`),
    })),
    positive: binary ? positive : null,
    interval: `${level * 100} %, percentile bootstrap of patients, ${resamples} resamples`,
  };
}

type Figures = Record<string, number | null>;

/** All figures under weights of the images; what does not depend on the weights is worked out once. */
function figuresOf(
  rows: readonly ClassifiedImage[],
  predicted: readonly number[],
  k: number,
  positive: number | null,
): (weights: Float64Array) => Figures {
  const classes = Array.from({ length: k }, (_, c) => c);
  const orders: RocOrder[] = classes.map(c =>
    rocOrder(
      rows.map(row => row.probabilities[c]!),
      rows.map(row => row.label === c),
    ),
  );
  const errors = rows.map(({ label, probabilities }) =>
    positive === null
      ? probabilities.reduce((sum, p, c) => sum + (p - (label === c ? 1 : 0)) ** 2, 0)
      : (probabilities[positive]! - (label === positive ? 1 : 0)) ** 2,
  );
  return weights => {
    const share = (of: (i: number) => boolean, holds: (i: number) => boolean): number | null => {
      let [total, held] = [0, 0];
      for (let i = 0; i < rows.length; i++) {
        if (!of(i)) continue;
        total += weights[i]!;
        if (holds(i)) held += weights[i]!;
      }
      return total > 0 ? held / total : null;
    };
    const all = weights.reduce((a, b) => a + b, 0);
    const out: Figures = {
      accuracy: share(
        () => true,
        i => predicted[i] === rows[i]!.label,
      ),
      brier: errors.reduce((sum, e, i) => sum + e * weights[i]!, 0) / all,
    };
    for (const c of classes) {
      out[`sensitivity ${c}`] = share(
        i => rows[i]!.label === c,
        i => predicted[i] === c,
      );
      out[`specificity ${c}`] = share(
        i => rows[i]!.label !== c,
        i => predicted[i] !== c,
      );
      out[`auc ${c}`] = auc(orders[c]!, weights);
    }
    for (const name of ['sensitivity', 'specificity', 'auc']) {
      const each = classes.map(c => out[`${name} ${c}`]!).filter(v => v !== null);
      const macro = each.length > 0 ? each.reduce((a, b) => a + b, 0) / each.length : null;
      out[name] = positive === null ? macro : out[`${name} ${positive}`]!;
    }
    return out;
  };
}

/** The figures of resamples of patients, each with all their images. */
function resampled(
  rows: readonly ClassifiedImage[],
  patients: readonly string[],
  figures: (weights: Float64Array) => Figures,
  { rng = createRng('performance'), resamples = 2000 }: PerformanceOptions,
): Figures[] {
  const index = new Map(patients.map((patient, i) => [patient, i]));
  const owner = rows.map(row => index.get(row.patient)!);
  const drawn = new Float64Array(patients.length);
  const weights = new Float64Array(rows.length);
  return Array.from({ length: resamples }, () => {
    drawn.fill(0);
    for (let i = 0; i < patients.length; i++) drawn[rng.int(patients.length)]!++;
    for (let i = 0; i < rows.length; i++) weights[i] = drawn[owner[i]!]!;
    return figures(weights);
  });
}

/** The number of classes. */
function checked(rows: readonly ClassifiedImage[]): number {
  const k = rows[0]?.probabilities.length ?? 0;
  if (k < 2) throw new RangeError(`performance needs images with two or more classes; got ${rows.length} of ${k}`);
  rows.forEach(({ label, probabilities }, i) => {
    if (probabilities.length !== k || probabilities.some(p => !(p >= 0 && p <= 1 + 1e-6))) {
      throw new RangeError(`image ${i} has the probabilities [${probabilities.join(', ')}]; it needs ${k} in 0 … 1`);
    }
    if (!Number.isInteger(label) || label < 0 || label >= k) {
      throw new RangeError(`image ${i} has the label ${label}; it must be 0 … ${k - 1}`);
    }
  });
  return k;
}
