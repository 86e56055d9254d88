import { studentQuantile, studentTails } from './distributions.ts';

/** A mean over trainings of one architecture and over patients, for trainings and patients not seen. */
export interface SeedLevel {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided, of a mean of 0; not adjusted. */
  readonly p: number;
  /** Of Student's t. */
  readonly df: number;
  /** Means over patients, one per training. */
  readonly seeds: readonly number[];
  readonly patients: number;
  /** Standard deviation between trainings, the noise of patients taken off; 0 where that leaves nothing. */
  readonly between: number;
}

/**
 * Trainings of one architecture that explain the same patients are a level of their own, as readers are who read the
 * same cases: analysis of variance of trainings × patients, both random (Obuchowski & Rockette 1995; Hillis 2007,
 * Statistics in Medicine 26), with Satterthwaite's degrees of freedom for both, since with Hillis' own, for trainings
 * alone, 12 patients were covered too seldom. However many patients, one training tells nothing of another.
 * @param values trainings × patients: within-patient means or differences
 * @returns undefined with fewer than two trainings or patients
 * @throws RangeError if rows differ in length or a value is not finite
 */
export function acrossSeeds(values: readonly (readonly number[])[], level = 0.95): SeedLevel | undefined {
  const [s, p] = [values.length, values[0]?.length ?? 0];
  values.forEach((row, i) => {
    if (row.length !== p) throw new RangeError(`training ${i} has ${row.length} patients, training 0 has ${p}`);
    const bad = row.find(v => !Number.isFinite(v));
    if (bad !== undefined) throw new RangeError(`training ${i} has the value ${bad}`);
  });
  if (s < 2 || p < 2) return undefined;
  const seeds = values.map(row => row.reduce((a, b) => a + b, 0) / p);
  const patients = values[0]!.map((_, i) => values.reduce((sum, row) => sum + row[i]!, 0) / s);
  const mean = seeds.reduce((a, b) => a + b, 0) / s;
  const ofSeeds = (p * seeds.reduce((sum, v) => sum + (v - mean) ** 2, 0)) / (s - 1);
  const ofPatients = (s * patients.reduce((sum, v) => sum + (v - mean) ** 2, 0)) / (p - 1);
  let rest = 0;
  values.forEach((row, i) => {
    row.forEach((v, j) => {
      rest += (v - seeds[i]! - patients[j]! + mean) ** 2;
    });
  });
  const error = rest / (s - 1) / (p - 1);
  const total = ofSeeds + Math.max(0, ofPatients - error);
  const scale = Math.max(...values.flat().map(Math.abs));
  if (!(total > 1e-24 * scale * scale)) {
    return {
      mean,
      low: mean,
      high: mean,
      p: mean === 0 ? 1 : 0,
      df: Number.POSITIVE_INFINITY,
      seeds,
      patients: p,
      between: 0,
    };
  }
  const between = Math.sqrt(Math.max(0, ofSeeds - error) / p);
  const se = Math.sqrt(total / s / p);
  const df = total ** 2 / (ofSeeds ** 2 / (s - 1) + Math.max(0, ofPatients - error) ** 2 / (p - 1));
  const half = studentQuantile((1 + level) / 2, df) * se;
  return { mean, low: mean - half, high: mean + half, p: studentTails(mean / se, df), df, seeds, patients: p, between };
}

/** Holm's step-down adjustment (1979): p values of a family, in their order. */
export function holm(p: readonly number[]): number[] {
  const order = p.map((_, i) => i).sort((a, b) => p[a]! - p[b]!);
  const adjusted = new Array<number>(p.length);
  let largest = 0;
  order.forEach((i, rank) => {
    largest = Math.max(largest, Math.min(1, (p.length - rank) * p[i]!));
    adjusted[i] = largest;
  });
  return adjusted;
}
