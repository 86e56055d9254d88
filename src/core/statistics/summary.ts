import { type BootstrapTOptions, bootstrapT, LEAST_PATIENTS } from './bootstrap-t.ts';
import { type PatientValue, patientMeans } from './patients.ts';
import { boundedInterval, shareInterval, shareOfPatients } from './proportion.ts';
import { skewness } from './skewness.ts';

/** A mean over patients with an interval for it. */
export interface Summary {
  /** Mean over patients of the means within patients. */
  readonly mean: number;
  /** The interval's ends; null where there is none, for the reason in `note`. */
  readonly low: number | null;
  readonly high: number | null;
  /** How the interval was made; of the measure, not of the counts. */
  readonly method: 'bootstrap-t' | 'clopper-pearson' | null;
  /** Patients' means are so skewed that the interval may cover too seldom (.91 of lognormal means at 12 patients). */
  readonly skewed: boolean;
  readonly note?: string;
  readonly patients: number;
  readonly images: number;
}

export interface SummaryOptions extends BootstrapTOptions {
  /** Possible values of the mean; the interval is cut to them. */
  readonly range?: readonly [number, number];
  /** Each value is a hit (1), a miss (0), or a share of hits: the mean is a proportion, and gets an interval of one. */
  readonly hits?: boolean;
}

/** Sample skewness beyond which an interval is marked: our choice. Normal values of 12 patients reach it in 9 %. */
export const STRONG_SKEW = 1;

/**
 * The mean over patients, since images of one patient are not independent, with one kind of interval for each kind of
 * measure: Clopper and Pearson's for hits, whatever the counts, else bootstrap-t. Simulated coverage: docs/statistics.md.
 * @throws RangeError without values, with one that is not finite, or with hits that are not 0 … 1.
 */
export function summarise(values: readonly PatientValue[], options: SummaryOptions = {}): Summary {
  if (values.length === 0) throw new RangeError('a summary needs at least one value');
  const means = patientMeans(values).map(p => p.value);
  const n = means.length;
  const mean = means.reduce((a, b) => a + b, 0) / n;
  const base = { mean, patients: n, images: values.length, skewed: false };
  if (options.hits) return { ...base, ...shareOf(values), method: 'clopper-pearson' };
  const none = (note: string): Summary => ({ ...base, low: null, high: null, method: null, note });
  if (n < LEAST_PATIENTS) return none(`an interval needs ${LEAST_PATIENTS} patients, there are ${n}`);
  const ends = bootstrapT(
    means.map(sum => ({ sum, weight: 1 })),
    options,
  );
  if (!ends) return none('all patients have the same value');
  const [least, most] = options.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (!Number.isFinite(ends.low) || !Number.isFinite(ends.high)) {
    const bounded = boundedInterval(mean, n, [least, most]);
    if (!bounded) return none('too few patients differ from the rest for an interval with two ends');
    return { ...base, ...bounded, method: 'clopper-pearson', note: NEARLY_CONSTANT };
  }
  const [low, high] = [Math.max(least, ends.low), Math.min(most, ends.high)];
  return { ...base, low, high, method: 'bootstrap-t', skewed: Math.abs(skewness(means)) > STRONG_SKEW };
}

const NEARLY_CONSTANT =
  'nearly all patients have the same value: the interval is that of a share of the range, which is wide but covers';

function shareOf(values: readonly PatientValue[]): { low: number; high: number } {
  const counts = new Map<string, { hits: number; images: number }>();
  for (const { patient, value } of values) {
    if (!(value >= 0 && value <= 1))
      throw new RangeError(`patient '${patient}' has ${value} hits in an image, not 0 … 1`);
    const held = counts.get(patient) ?? { hits: 0, images: 0 };
    counts.set(patient, { hits: held.hits + value, images: held.images + 1 });
  }
  return shareInterval(shareOfPatients([...counts.values()])!);
}
