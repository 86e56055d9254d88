import { createRng, type Rng } from '../rng.ts';
import { aucInterval, type ClusteredAuc, clusteredAuc, meanAucInterval } from './auc-interval.ts';
import { bootstrapT } from './bootstrap-t.ts';
import { type Calibration, calibration } from './calibration.ts';
import {
  boundedInterval,
  type ClusteredShare,
  meanShare,
  type PatientCount,
  shareInterval,
  shareOfImages,
} from './proportion.ts';

/** One classified image. */
export interface ClassifiedImage {
  /** Index of the true class. */
  readonly label: number;
  /** One per class. */
  readonly probabilities: readonly number[];
  readonly patient: string;
  /** Index of the class predicted. Default: the most probable one. */
  readonly predicted?: number;
}

/**
 * A share of images, an area, or a mean; null where there are none to count. The interval is null only then, and for
 * the Brier score of fewer than six patients or of none that differ.
 */
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
  /** Resamples of patients, for the Brier score. Default 9,999. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  /** With two classes: which one is positive. Default 1. */
  readonly positive?: number;
  /** Bins of the calibration. Default 10. */
  readonly bins?: number;
}

/**
 * How good a classifier is on a data set. Values are over images, as a model's card states them; intervals take patients
 * as units, each measure with one kind of interval whatever the counts. The predicted class is the most probable one unless a row says another;
 * of equally probable classes, the one that comes first.
 * @throws RangeError without images, or with a label or probability that is not possible.
 */
export function performance(rows: readonly ClassifiedImage[], options: PerformanceOptions = {}): Performance {
  const { positive = 1, level = 0.95, bins = 10 } = options;
  const k = checked(rows);
  const binary = k === 2;
  const predicted = rows.map(row => row.predicted ?? row.probabilities.indexOf(Math.max(...row.probabilities)));
  const right = rows.map((row, i) => row.label === predicted[i]);
  const every = Array.from({ length: k }, (_, c) => c);
  const counted = (of: (i: number) => boolean, holds: (i: number) => boolean) => countsOf(rows, of, holds);
  const ofClass = (c: number) => (i: number) => rows[i]!.label === c;
  const not = (holds: (i: number) => boolean) => (i: number) => !holds(i);
  const recall = every.map(c => counted(ofClass(c), i => predicted[i] === c));
  const rejection = every.map(c => counted(not(ofClass(c)), i => predicted[i] !== c));
  const areas = every.map(c =>
    clusteredAuc(
      rows.map(({ label, probabilities: p, patient }) => ({ score: p[c]!, positive: label === c, patient })),
    ),
  );
  const one = (counts: Map<string, PatientCount>) => shareEstimate(shareOfImages([...counts.values()]), level);
  const over = (classes: Map<string, PatientCount>[]) => shareEstimate(meanShare(classes, rows.length), level);
  return {
    images: rows.length,
    patients: new Set(rows.map(row => row.patient)).size,
    accuracy: one(
      counted(
        () => true,
        i => right[i]!,
      ),
    ),
    sensitivity: binary ? one(recall[positive]!) : over(recall),
    specificity: binary ? one(rejection[positive]!) : over(rejection),
    auc: binary ? aucEstimate(areas[positive]!, level) : meanAuc(areas, level),
    brier: brierEstimate(rows, binary ? positive : null, options),
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
    confusion: every.map(t => every.map(p => rows.filter((row, i) => row.label === t && predicted[i] === p).length)),
    classes: every.map(c => ({
      images: rows.filter(row => row.label === c).length,
      sensitivity: one(recall[c]!),
      specificity: one(rejection[c]!),
      auc: aucEstimate(areas[c]!, level),
    })),
    positive: binary ? positive : null,
    interval:
      `${level * 100} %, patients as units: Clopper and Pearson’s with effective numbers of images for shares, ` +
      'Newcombe’s score interval with Obuchowski’s variance for the AUC, bootstrap-t for the Brier score',
  };
}

const NOTHING: Estimate = { value: null, low: null, high: null };

function shareEstimate(share: ClusteredShare | undefined, level: number): Estimate {
  return share ? { value: share.value, ...shareInterval(share, level) } : NOTHING;
}

function aucEstimate(area: ClusteredAuc | null, level: number): Estimate {
  return area ? { value: area.value, ...aucInterval(area, level) } : NOTHING;
}

function meanAuc(areas: readonly (ClusteredAuc | null)[], level: number): Estimate {
  const held = areas.filter(area => area !== null);
  if (held.length === 0) return NOTHING;
  return { value: held.reduce((sum, a) => sum + a.value, 0) / held.length, ...meanAucInterval(held, level) };
}

/** Hits and images by patient, of the images that count. */
function countsOf(
  rows: readonly ClassifiedImage[],
  of: (i: number) => boolean,
  holds: (i: number) => boolean,
): Map<string, PatientCount> {
  const counts = new Map<string, { hits: number; images: number }>();
  rows.forEach(({ patient }, i) => {
    if (!of(i)) return;
    const held = counts.get(patient) ?? { hits: 0, images: 0 };
    counts.set(patient, { hits: held.hits + (holds(i) ? 1 : 0), images: held.images + 1 });
  });
  return counts;
}

function brierEstimate(
  rows: readonly ClassifiedImage[],
  positive: number | null,
  { rng = createRng('performance'), resamples = 9999, level = 0.95 }: PerformanceOptions,
): Estimate {
  const patients = new Map<string, { sum: number; weight: number }>();
  for (const { label, probabilities, patient } of rows) {
    const error =
      positive === null
        ? probabilities.reduce((sum, p, c) => sum + (p - (label === c ? 1 : 0)) ** 2, 0)
        : (probabilities[positive]! - (label === positive ? 1 : 0)) ** 2;
    const held = patients.get(patient) ?? { sum: 0, weight: 0 };
    patients.set(patient, { sum: held.sum + error, weight: held.weight + 1 });
  }
  const sums = [...patients].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
  const value = sums.reduce((total, p) => total + p.sum, 0) / rows.length;
  const ends = bootstrapT(sums, { rng, resamples, level });
  if (!ends) return { value, low: null, high: null };
  const most = positive === null ? 2 : 1;
  const seen = Number.isFinite(ends.low) && Number.isFinite(ends.high);
  const { low, high } = (seen ? undefined : boundedInterval(value, sums.length, [0, most], level)) ?? ends;
  return { value, low: Math.max(0, low), high: Math.min(most, high) };
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
