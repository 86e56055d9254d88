import type { Rng } from '../rng.ts';
import { pearson, spearman } from './correlation.ts';
import { normalQuantile } from './distributions.ts';
import { type PatientValue, patientMeans } from './patients.ts';
import { quantile } from './quantile.ts';
import { type Summary, summarise } from './summary.ts';

/** What a regression gives of an image, beside what is right. */
export interface PredictedValue {
  readonly patient: string;
  readonly value: number;
  readonly reference: number;
}

/** A correlation over patients with its 95 % interval; its ends are null below 4 patients, and at ±1. */
export interface Correlation {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** How good a regression is. */
export interface RegressionErrors {
  readonly images: number;
  readonly patients: number;
  /** The mean of |value − reference|, in the unit of the values. */
  readonly absolute: Summary;
  /** The mean of value − reference: above 0 the model gives too much. */
  readonly bias: Summary;
  /** Of patients' means of the values with those of the references; null where one of them is the same for all. */
  readonly pearson: Correlation | null;
  readonly spearman: Correlation | null;
  /** The mean absolute error of the references' median, which looks at no image: no constant has a smaller one. */
  readonly withoutModel: number;
}

/**
 * Errors of a regression over patients, since images of one patient are not independent.
 * @throws RangeError without images
 */
export function regressionErrors(images: readonly PredictedValue[], rng: Rng): RegressionErrors {
  const over = (what: (image: PredictedValue) => number): PatientValue[] =>
    images.map(image => ({ patient: image.patient, value: what(image) }));
  const meansOf = (what: (image: PredictedValue) => number) => patientMeans(over(what)).map(p => p.value);
  const [values, references] = [meansOf(i => i.value), meansOf(i => i.reference)];
  const middle = quantile(references, 0.5);
  const apart = meansOf(i => Math.abs(i.reference - middle));
  return {
    images: images.length,
    patients: values.length,
    absolute: summarise(
      over(i => Math.abs(i.value - i.reference)),
      { range: [0, Number.POSITIVE_INFINITY], rng: rng.fork('absolute') },
    ),
    bias: summarise(
      over(i => i.value - i.reference),
      { rng: rng.fork('bias') },
    ),
    pearson: withInterval(pearson(values, references), values.length, () => 1),
    spearman: withInterval(spearman(values, references), values.length, r => 1 + r ** 2 / 2),
    withoutModel: apart.reduce((a, b) => a + b, 0) / apart.length,
  };
}

/**
 * Fisher's interval: atanh r is nearly normal with variance 1 / (n − 3), of ranks 1 + r² / 2 times as much (Bonett &
 * Wright 2000, doi:10.1007/BF02294183).
 */
function withInterval(value: number | null, n: number, inflation: (r: number) => number): Correlation | null {
  if (value === null) return null;
  if (n < 4 || Math.abs(value) >= 1) return { value, low: null, high: null };
  const reach = normalQuantile(0.975) * Math.sqrt(inflation(value) / (n - 3));
  return { value, low: Math.tanh(Math.atanh(value) - reach), high: Math.tanh(Math.atanh(value) + reach) };
}
