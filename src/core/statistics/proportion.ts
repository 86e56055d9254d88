import { betaQuantile, studentQuantile } from './distributions.ts';

/** Ends of an interval. */
export interface Ends {
  readonly low: number;
  readonly high: number;
}

/** A share of images, or a mean over patients of such shares. */
export interface ClusteredShare {
  /** 0 … 1. */
  readonly value: number;
  /** Its variance, estimated between patients. */
  readonly variance: number;
  /** Images counted; of a mean over classes, as many as one class would need. */
  readonly images: number;
  /** Patients that these are of, 1 … `images`. */
  readonly patients: number;
}

/**
 * How many independent images carry as much as these: n / max(1, design effect) · (t_{n−1} / t_{P−1})² (Korn &
 * Graubard 1998), the last for the design effect's being estimated from P patients. Where all images agree no design
 * effect can be seen, and patients count, not images.
 */
export function effectiveImages({ value, variance, images, patients }: ClusteredShare, level = 0.95): number {
  if (value <= 0 || value >= 1 || patients < 2) return patients;
  // Of independent images the estimated variance is value · (1 − value) / (images − 1).
  const effect = (variance * (images - 1)) / (value * (1 - value));
  const upper = (1 + level) / 2;
  const ratio = studentQuantile(upper, images - 1) / studentQuantile(upper, patients - 1);
  return (images / Math.max(1, effect)) * ratio ** 2;
}

/**
 * Clopper and Pearson's interval with the effective number of images (Korn & Graubard 1998, Survey Methodology 24):
 * never narrower than its level, and there whatever the counts: 12 hits of 12 patients give .735 … 1.
 */
export function shareInterval(share: ClusteredShare, level = 0.95): Ends {
  const n = effectiveImages(share, level);
  const hits = share.value * n;
  const tail = (1 - level) / 2;
  return {
    low: hits > 0 ? betaQuantile(tail, hits, n - hits + 1) : 0,
    high: hits < n ? betaQuantile(1 - tail, hits + 1, n - hits) : 1,
  };
}

/**
 * The same of a mean over patients as a share of its range: no spread between two ends is greater than that of hits and
 * misses. For nearly constant values, of which a bootstrap sees no end. Undefined where the range has no ends.
 */
export function boundedInterval(
  mean: number,
  patients: number,
  [least, most]: readonly [number, number],
  level = 0.95,
): Ends | undefined {
  const range = most - least;
  if (!(Number.isFinite(range) && range > 0)) return undefined;
  // By patients alone: the few that differ say little of the spread.
  const share = { value: (mean - least) / range, variance: 0, images: patients, patients };
  const { low, high } = shareInterval(share, level);
  return { low: least + range * low, high: least + range * high };
}

/** Hits and images of one patient. */
export interface PatientCount {
  readonly hits: number;
  readonly images: number;
}

/** The share over images: variance of a ratio of patients' sums. Undefined without images. */
export function shareOfImages(counts: readonly PatientCount[]): ClusteredShare | undefined {
  const held = counts.filter(c => c.images > 0);
  const images = held.reduce((sum, c) => sum + c.images, 0);
  if (images === 0) return undefined;
  const value = held.reduce((sum, c) => sum + c.hits, 0) / images;
  const squares = held.reduce((sum, c) => sum + (c.hits - value * c.images) ** 2, 0);
  const patients = held.length;
  const variance = patients > 1 ? (squares * patients) / (patients - 1) / images ** 2 : 0;
  return { value, variance, images, patients };
}

/** The mean over patients of each one's share. Undefined without images. */
export function shareOfPatients(counts: readonly PatientCount[]): ClusteredShare | undefined {
  const held = counts.filter(c => c.images > 0);
  if (held.length === 0) return undefined;
  const shares = held.map(c => c.hits / c.images);
  const patients = held.length;
  const value = shares.reduce((a, b) => a + b, 0) / patients;
  const squares = shares.reduce((sum, v) => sum + (v - value) ** 2, 0);
  return {
    value,
    variance: patients > 1 ? squares / (patients - 1) / patients : 0,
    images: held.reduce((sum, c) => sum + c.images, 0),
    patients,
  };
}

/**
 * The mean of several classes' shares. It is worth as many images as one share of the same variance would be if the
 * classes were independent, but no more than there are. Undefined where no class has images.
 * @param classes counts by patient, one map per class: a patient's images may count in several
 * @param images how many there are in all
 */
export function meanShare(
  classes: readonly ReadonlyMap<string, PatientCount>[],
  images: number,
): ClusteredShare | undefined {
  const held = classes.flatMap(counts => {
    const share = shareOfImages([...counts.values()]);
    return share ? [{ counts, share }] : [];
  });
  if (held.length === 0) return undefined;
  const k = held.length;
  const influence = new Map<string, number>();
  for (const { counts, share } of held) {
    for (const [patient, count] of counts) {
      const part = (count.hits - share.value * count.images) / share.images / k;
      influence.set(patient, (influence.get(patient) ?? 0) + part);
    }
  }
  const patients = influence.size;
  const squares = [...influence.values()].reduce((sum, v) => sum + v * v, 0);
  const worth = (of: (share: ClusteredShare) => number) => k ** 2 / held.reduce((sum, h) => sum + 1 / of(h.share), 0);
  return {
    value: held.reduce((sum, h) => sum + h.share.value, 0) / k,
    variance: patients > 1 ? (squares * patients) / (patients - 1) : 0,
    images: Math.min(
      images,
      worth(share => share.images),
    ),
    patients: Math.min(
      patients,
      worth(share => share.patients),
    ),
  };
}
