import type { ClassifiedImage } from './performance.ts';

/** A classified slice and the exam (or, where the data names none, the patient) that it belongs to. */
export interface ClassifiedSlice extends ClassifiedImage {
  readonly exam: string;
}

export interface PooledExams {
  /** One for each exam whose slices have one label. */
  readonly exams: readonly ClassifiedImage[];
  /** Exams left out because their slices have several labels. */
  readonly mixed: number;
}

/** Below this a probability is as good as none; its logarithm would decide the whole mean. */
const LEAST = 1e-6;

/**
 * Pools slices to exams: the mean over an exam's slices of the log-probabilities, normalised. With two classes that is
 * the mean of the log-odds. The product of independent experts would be the sum; slices of one exam are far from
 * independent, and the mean keeps probabilities as sure as a slice's.
 */
export function poolExams(rows: readonly ClassifiedSlice[]): PooledExams {
  const byExam = new Map<string, ClassifiedSlice[]>();
  for (const row of rows) byExam.set(row.exam, [...(byExam.get(row.exam) ?? []), row]);
  const all = [...byExam.values()];
  const whole = all.filter(slices => slices.every(s => s.label === slices[0]!.label));
  return { exams: whole.map(pooled), mixed: all.length - whole.length };
}

function pooled(slices: readonly ClassifiedSlice[]): ClassifiedImage {
  const [{ label, patient, probabilities }] = slices as [ClassifiedSlice, ...ClassifiedSlice[]];
  const means = probabilities.map((_, c) => {
    const logs = slices.map(s => Math.log(Math.max(LEAST, s.probabilities[c]!)));
    return logs.reduce((a, b) => a + b, 0) / slices.length;
  });
  const most = Math.max(...means);
  const weights = means.map(m => Math.exp(m - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return { label, patient, probabilities: weights.map(w => w / sum) };
}
