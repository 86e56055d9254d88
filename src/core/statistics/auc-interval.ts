import { normalQuantile, studentQuantile } from './distributions.ts';
import type { Ends } from './proportion.ts';

/** One image: its score, whether it is positive, and whose it is. */
export interface ScoredImage {
  readonly score: number;
  readonly positive: boolean;
  readonly patient: string;
}

/** Images, or patients with at least one, of either kind. */
interface Counts {
  readonly positive: number;
  readonly negative: number;
}

/** An area under the ROC curve, with what its interval needs. */
export interface ClusteredAuc {
  /** 0 … 1, ties half. */
  readonly value: number;
  /** Between patients (Obuchowski 1997, Biometrics 53); with one image per patient DeLong's (1988). */
  readonly variance: number;
  readonly images: Counts;
  readonly patients: Counts & { readonly all: number };
  /** By how much each patient moves the area, in proportion to 1 / images. */
  readonly influence: ReadonlyMap<string, number>;
}

/** Sums of a patient's components: shares of the other kind that their images win against. */
interface Patient {
  readonly won: { positive: number; negative: number };
  readonly images: { positive: number; negative: number };
}

/** Null without both kinds of images. */
export function clusteredAuc(images: readonly ScoredImage[]): ClusteredAuc | null {
  const m = images.filter(image => image.positive).length;
  const n = images.length - m;
  if (m === 0 || n === 0) return null;
  const patients = componentsOf(images, m, n);
  const all = [...patients.values()];
  const value = all.reduce((sum, { won }) => sum + won.positive, 0) / m;
  const having = (kind: 'positive' | 'negative') => all.filter(p => p.images[kind] > 0).length;
  const counts = { positive: having('positive'), negative: having('negative'), all: all.length };
  const parts = all.map(({ won, images: own }) => ({
    positive: (won.positive - own.positive * value) / m,
    negative: (won.negative - own.negative * value) / n,
  }));
  const scaled = (count: number, product: (part: (typeof parts)[number]) => number): number =>
    count > 1 ? (parts.reduce((sum, part) => sum + product(part), 0) * count) / (count - 1) : 0;
  const variance =
    scaled(counts.positive, p => p.positive ** 2) +
    scaled(counts.negative, p => p.negative ** 2) +
    2 * scaled(counts.all, p => p.positive * p.negative);
  const influence = new Map([...patients.keys()].map((id, i) => [id, parts[i]!.positive + parts[i]!.negative]));
  return { value, variance: Math.max(0, variance), images: { positive: m, negative: n }, patients: counts, influence };
}

function componentsOf(images: readonly ScoredImage[], m: number, n: number): Map<string, Patient> {
  const sorted = [...images].sort((a, b) => a.score - b.score);
  const patients = new Map<string, Patient>();
  const below = { positive: 0, negative: 0 };
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (end < sorted.length && sorted[end]!.score === sorted[start]!.score) end++;
    const tied = sorted.slice(start, end);
    const positive = tied.filter(image => image.positive).length;
    const negative = tied.length - positive;
    for (const image of tied) {
      const held = patients.get(image.patient) ?? {
        won: { positive: 0, negative: 0 },
        images: { positive: 0, negative: 0 },
      };
      if (image.positive) held.won.positive += (below.negative + negative / 2) / n;
      else held.won.negative += (m - below.positive - positive / 2) / m;
      held.images[image.positive ? 'positive' : 'negative']++;
      patients.set(image.patient, held);
    }
    below.positive += positive;
    below.negative += negative;
    start = end;
  }
  return patients;
}

/**
 * Newcombe's score interval (2006, Statistics in Medicine 25, method 5), its variance widened to the one found between
 * patients: one kind of interval at every area, 1 and 0 included, where Obuchowski's variance is 0 and patients count
 * instead of images. Simulated beside the logit of Obuchowski's variance, which covers .90–.93 of clustered images
 * (docs/statistics.md).
 */
export function aucInterval(auc: ClusteredAuc, level = 0.95): Ends {
  return meanAucInterval([auc], level);
}

/** The same for the mean of the areas of several classes over the same images. */
export function meanAucInterval(classes: readonly ClusteredAuc[], level = 0.95): Ends {
  const k = classes.length;
  const value = classes.reduce((sum, c) => sum + c.value, 0) / k;
  // Standard deviations of means are at most the mean of standard deviations: no independence of classes is assumed.
  const model = (area: number, kind: 'images' | 'patients'): number =>
    (classes.reduce((sum, c) => sum + Math.sqrt(modelVariance(area, c[kind])), 0) / k) ** 2;
  const images = classes[0]!.images.positive + classes[0]!.images.negative;
  const patients = classes[0]!.patients.all;
  const inner = value > 0 && value < 1;
  const effect = inner ? Math.max(1, meanVariance(classes) / model(value, 'images')) : 1;
  const upper = (1 + level) / 2;
  const wider = inner && images > patients ? tQuantile(upper, patients - 2) / tQuantile(upper, images - 2) : 1;
  const factor = normalQuantile(upper) ** 2 * effect * wider ** 2;
  const within = (area: number): boolean => (value - area) ** 2 <= factor * model(area, inner ? 'images' : 'patients');
  return { low: edge(value, 0, within), high: edge(value, 1, within) };
}

function tQuantile(p: number, df: number): number {
  return studentQuantile(p, Math.max(1, df));
}

function meanVariance(classes: readonly ClusteredAuc[]): number {
  if (classes.length === 1) return classes[0]!.variance;
  const ids = [...classes[0]!.influence.keys()];
  const sums = ids.map(id => classes.reduce((sum, c) => sum + (c.influence.get(id) ?? 0), 0) / classes.length);
  return ids.length > 1 ? (sums.reduce((sum, v) => sum + v * v, 0) * ids.length) / (ids.length - 1) : 0;
}

/** Variance of an area if scores of both kinds were exponential, the numbers of both kinds at their mean (Newcombe). */
function modelVariance(area: number, { positive: m, negative: n }: Counts): number {
  const s = (m + n) / 2 - 1;
  return (area * (1 - area) * (1 + (s * (1 - area)) / (2 - area) + (s * area) / (1 + area))) / (m * n);
}

/** The last value on the way from `from` to `end` that is `within`. */
function edge(from: number, end: number, within: (value: number) => boolean): number {
  let [inner, outer] = [from, end];
  for (let i = 0; i < 60 && inner !== outer; i++) {
    const middle = (inner + outer) / 2;
    if (within(middle)) inner = middle;
    else outer = middle;
  }
  return inner;
}
