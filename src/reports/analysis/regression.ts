import type { Rng } from '../../core/rng.ts';
import { type RegressionErrors, regressionErrors } from '../../core/statistics/regression-errors.ts';
import type { SampleRow } from '../../results/rows.ts';

/** How good a regression is, over the images whose value the data say; undefined without any. */
export function errorsOf(rows: readonly SampleRow[], rng: Rng): RegressionErrors | undefined {
  const known = rows.flatMap(({ patient, targetValue: value, referenceValue: reference }) =>
    value === undefined || reference === undefined ? [] : [{ patient, value, reference }],
  );
  return known.length === 0 ? undefined : regressionErrors(known, rng);
}
