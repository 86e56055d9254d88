import { studentQuantile } from './distributions.ts';
import { CONFIRM_FROM, ORDER_FROM } from './max-t.ts';

export interface DetectOptions {
  /** Comparisons that share the family-wise error. Default 1. */
  readonly pairs?: number;
  /** Family-wise error. Default 0.05. */
  readonly alpha?: number;
  /** Chance to separate a pair that differs by this much. Default 0.8. */
  readonly power?: number;
}

/** Patients beyond which a study is not planned here. */
const MOST_PATIENTS = 1e6;

/**
 * The smallest detectable difference, (t_{1−α/2m} + t_{power}) · sd / √n with n − 1 degrees of freedom and m pairs. A
 * figure for planning: put to a finished study's own differences it is no power of that study.
 * @param sd standard deviation between patients of the within-patient difference of two explainers
 */
export function detectableDifference(sd: number, patients: number, options: DetectOptions = {}): number {
  const { pairs = 1, alpha = 0.05, power = 0.8 } = options;
  above0(sd, 'the standard deviation');
  if (!(Number.isInteger(patients) && patients >= 2)) {
    throw new RangeError(`a difference can be detected from 2 patients on; got ${patients}`);
  }
  if (!(Number.isInteger(pairs) && pairs >= 1)) throw new RangeError(`there must be at least 1 pair; got ${pairs}`);
  const df = patients - 1;
  const reach = studentQuantile(1 - alpha / 2 / pairs, df) + studentQuantile(power, df);
  return (reach * sd) / Math.sqrt(patients);
}

export interface StudySize {
  readonly patients: number;
  /** What that many can detect, at most the difference asked for. */
  readonly difference: number;
  /** Whether ranks of so few patients would be exploratory. */
  readonly exploratory: boolean;
}

/**
 * The fewest patients that can detect `difference`, never fewer than an order is shown of.
 * @throws RangeError for a difference or deviation that is not above 0, or where a million patients are too few.
 */
export function patientsToDetect(difference: number, sd: number, options: DetectOptions = {}): StudySize {
  above0(difference, 'the difference');
  let [low, high] = [ORDER_FROM, ORDER_FROM];
  while (detectableDifference(sd, high, options) > difference) {
    if (high > MOST_PATIENTS) {
      throw new RangeError(
        `a difference of ${difference} at a standard deviation of ${sd} takes over a million patients`,
      );
    }
    low = high + 1;
    high *= 2;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (detectableDifference(sd, middle, options) > difference) low = middle + 1;
    else high = middle;
  }
  return {
    patients: high,
    difference: detectableDifference(sd, high, options),
    exploratory: high < CONFIRM_FROM,
  };
}

function above0(value: number, what: string): void {
  if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${what} must be above 0; got ${value}`);
}
