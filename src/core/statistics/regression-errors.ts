import type { Rng } from '../rng.ts';
import { pearson, spearman } from './correlation.ts';
import { type PatientValue, patientMeans } from './patients.ts';
import { quantile } from './quantile.ts';
import { type Summary, summarise } from './summary.ts';

/** What a regression gives of an image, beside what is right. */
export interface PredictedValue {
  readonly patient: string;
  readonly value: number;
  readonly reference: number;
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
  readonly pearson: number | null;
  readonly spearman: number | null;
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
    pearson: pearson(values, references),
    spearman: spearman(values, references),
    withoutModel: apart.reduce((a, b) => a + b, 0) / apart.length,
  };
}
