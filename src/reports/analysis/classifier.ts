import { absenceOf, thresholdOf } from '../../core/findings.ts';
import type { Rng } from '../../core/rng.ts';
import { type ClassifiedSlice, poolExams } from '../../core/statistics/exams.ts';
import { type Performance, performance } from '../../core/statistics/performance.ts';
import type { SampleRow } from '../../results/rows.ts';
import type { ModelEntry } from './analysis.ts';

/** How good a classifier is: by image, by exam, and in each subgroup that the data has. */
export interface ClassifierAnalysis {
  /** Names of the classes that are told apart: the model's, or a finding and its absence. */
  readonly classes: readonly string[];
  readonly byImage: Performance;
  /** Absent where no exam has several images, or none has one label. */
  readonly byExam?: ExamPerformance;
  readonly subgroups: readonly SubgroupPerformance[];
  /** Of findings that do not exclude each other: each by itself, where the data know of some image whether it is there. */
  readonly findings?: readonly FindingPerformance[];
}

export interface FindingPerformance {
  readonly finding: string;
  /** Images of which the data say whether it is there. */
  readonly known: number;
  readonly unknown: number;
  readonly positives: number;
  readonly performance: Performance;
}

export interface ExamPerformance {
  readonly performance: Performance;
  /** What images are pooled by. */
  readonly unit: 'exam' | 'patient';
  /** Exams left out because their images have several labels. */
  readonly mixed: number;
}

export interface SubgroupPerformance {
  /** As the data calls it: sex, site, kernel … */
  readonly column: string;
  readonly value: string;
  readonly performance: Performance;
}

/** Subgroups show no Brier score, whose interval alone is resampled. */
const FEW_RESAMPLES = 99;
/** A column with more values than this says who somebody is, or is a measurement. */
const MOST_VALUES = 12;

/**
 * Over the images with a label that is one of the classes and usable probabilities; undefined without any.
 * @param positive index of the positive class
 */
export function classifierOf(
  rows: readonly SampleRow[],
  model: ModelEntry,
  positive: number,
  rng: Rng,
): ClassifierAnalysis | undefined {
  return model.task === 'multi-label' ? ofFindings(rows, model, positive, rng) : ofClasses(rows, model, positive, rng);
}

/** The finding that is explained against its absence, and every finding by itself. */
function ofFindings(
  rows: readonly SampleRow[],
  { classes, threshold }: ModelEntry,
  explained: number,
  rng: Rng,
): ClassifierAnalysis | undefined {
  const slicesOf = (at: number, there: (row: SampleRow) => boolean | undefined) =>
    rows.flatMap(row => {
      const known = there(row);
      const p = row.probabilities?.[at];
      if (known === undefined || p === undefined || !(p >= 0 && p <= 1 + 1e-6)) return [];
      const predicted = p >= thresholdOf(threshold === undefined ? {} : { threshold }, classes[at]!) ? 1 : 0;
      const { patient, groups = {} } = row;
      return [{ label: known ? 1 : 0, probabilities: [1 - p, p], predicted, patient, exam: patient, groups }];
    });
  const finding = classes[explained]!;
  const names = [absenceOf(finding), finding];
  const slices = slicesOf(explained, row => (row.label === undefined ? undefined : row.label === finding));
  const findings = classes.flatMap((name, at) => {
    const own = slicesOf(at, row => row.findings?.[name]);
    if (own.length === 0) return [];
    const measured = performance(own, { rng: rng.fork('finding', name), positive: 1, resamples: FEW_RESAMPLES });
    const positives = own.filter(s => s.label === 1).length;
    return [{ finding: name, known: own.length, unknown: rows.length - own.length, positives, performance: measured }];
  });
  if (slices.length === 0) return undefined;
  return {
    classes: names,
    byImage: performance(slices, { rng, positive: 1 }),
    subgroups: subgroupsOf(slices, 1, rng.fork('subgroups')),
    ...(findings.length > 0 ? { findings } : {}),
  };
}

function ofClasses(
  rows: readonly SampleRow[],
  { classes }: ModelEntry,
  positive: number,
  rng: Rng,
): ClassifierAnalysis | undefined {
  const slices = rows.flatMap(({ label, probabilities, patient, exam, groups = {} }) => {
    const index = label === undefined ? -1 : classes.indexOf(label);
    const usable = probabilities?.length === classes.length && probabilities.every(p => p >= 0 && p <= 1 + 1e-6);
    if (index < 0 || !usable || classes.length < 2) return [];
    // Exams of two patients may have one name.
    const own = exam === undefined ? patient : JSON.stringify([patient, exam]);
    return [{ label: index, probabilities, patient, exam: own, groups }];
  });
  if (slices.length === 0) return undefined;
  const unit = rows.some(r => r.exam !== undefined) ? 'exam' : 'patient';
  const byExam = examsOf(slices, unit, positive, rng.fork('exams'));
  return {
    classes,
    byImage: performance(slices, { rng, positive }),
    ...(byExam ? { byExam } : {}),
    subgroups: subgroupsOf(slices, positive, rng.fork('subgroups')),
  };
}

function examsOf(
  slices: readonly ClassifiedSlice[],
  unit: 'exam' | 'patient',
  positive: number,
  rng: Rng,
): ExamPerformance | undefined {
  const { exams, mixed } = poolExams(slices);
  if (exams.length === 0 || exams.length + mixed === slices.length) return undefined;
  return { performance: performance(exams, { rng, positive }), unit, mixed };
}

function subgroupsOf(
  slices: readonly (ClassifiedSlice & { readonly groups: Readonly<Record<string, string>> })[],
  positive: number,
  rng: Rng,
): SubgroupPerformance[] {
  const columns = [...new Set(slices.flatMap(s => Object.keys(s.groups)))];
  return columns.flatMap(column => {
    const values = [...new Set(slices.flatMap(s => s.groups[column] ?? []))].sort();
    if (values.length > MOST_VALUES) return [];
    return values.map(value => {
      const own = slices.filter(s => s.groups[column] === value);
      const measured = performance(own, { rng: rng.fork(column, value), positive, resamples: FEW_RESAMPLES });
      return { column, value, performance: measured };
    });
  });
}
