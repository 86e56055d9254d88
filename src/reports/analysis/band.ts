import { CURVE_POINTS, type CurveMean } from '../summary/curve-mean.ts';
import type { CurveBand } from './analysis.ts';

const LEAST_PATIENTS = 6;

/** Mean over patients, and a pointwise 95 % interval from Student's t. */
export function curveBand({ images, patients }: CurveMean): CurveBand {
  const curves = [...patients.values()];
  const n = curves.length;
  const mean = new Float64Array(CURVE_POINTS);
  const half = new Float64Array(CURVE_POINTS);
  for (let i = 0; i < CURVE_POINTS; i++) {
    for (const curve of curves) mean[i]! += curve[i]! / n;
    let squares = 0;
    for (const curve of curves) squares += (curve[i]! - mean[i]!) ** 2;
    half[i] = n > 1 ? t975(n - 1) * Math.sqrt(squares / (n - 1) / n) : 0;
  }
  if (n < LEAST_PATIENTS) return { images, patients: n, mean };
  return { images, patients: n, mean, low: mean.map((m, i) => m - half[i]!), high: mean.map((m, i) => m + half[i]!) };
}

/** The 97.5 % point of Student's t, to 0.002 from 5 degrees of freedom on (Fisher & Cornish 1960). */
export function t975(df: number): number {
  const z = 1.959963985;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + term / df ** (i + 1), z);
}
