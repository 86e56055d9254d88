import type { Rng } from '../../core/rng.ts';
import { meanRanks } from '../../core/statistics/critical-difference.ts';
import { momentsOf } from '../../core/statistics/differences.ts';
import { type MaxT, maxT, ORDER_FROM, rankSets } from '../../core/statistics/max-t.ts';
import { type PatientValue, patientMeans } from '../../core/statistics/patients.ts';
import { reversals } from '../../core/statistics/strata.ts';
import { type Summary, summarise } from '../../core/statistics/summary.ts';
import { verdictsOf } from '../../core/statistics/verdicts.ts';
import type { Answered, Difference, MetricRanking, Stratum } from './analysis.ts';
import { MOST_FOR_ALL_PAIRS } from './analysis-settings.ts';

/** Values by sample id. */
export type ValuesByImage = ReadonlyMap<string, number>;

/** A method or control with its values. */
export interface Valued {
  readonly id: string;
  readonly values: ValuesByImage;
}

type Better = 'higher' | 'lower';

/** Resamples for controls, and for strata beside the primary one. */
export const FEWER_RESAMPLES = 1999;
const RESAMPLES = 9999;
/** Patients drawn for one interval, at most: 9,999 resamples of up to 200, fewer of more, at least 1,999. */
const RESAMPLED_PATIENTS = 2e6;
/** The same for tests of many comparisons at once. */
const RESAMPLED_COMPARISONS = 4e7;

export interface SummaryChoice {
  readonly only: ReadonlySet<string>;
  readonly range?: readonly [number, number];
  readonly resamples?: number;
  /** Values are hits or shares of hits: the mean is a proportion. */
  readonly hits?: boolean;
}

/** The mean over patients of `values`, of the samples in `only`. */
export function summaryOf(
  values: ValuesByImage,
  samples: Answered,
  rng: Rng,
  { only, range, hits = false, resamples = RESAMPLES }: SummaryChoice,
): Summary | undefined {
  const rows = patientValues(values, samples, only);
  if (rows.length === 0) return undefined;
  const patients = new Set(rows.map(row => row.patient)).size;
  const most = Math.max(FEWER_RESAMPLES, Math.floor(RESAMPLED_PATIENTS / patients));
  return summarise(rows, { rng, resamples: Math.min(resamples, most), hits, ...(range ? { range } : {}) });
}

/** Standard deviation (n − 1) of patients' means. */
export function patientSd(values: ValuesByImage, samples: Answered, only: ReadonlySet<string>): number | undefined {
  const means = patientMeans(patientValues(values, samples, only)).map(p => p.value);
  if (means.length < 2) return undefined;
  const mean = means.reduce((a, b) => a + b, 0) / means.length;
  return Math.sqrt(means.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (means.length - 1));
}

/** The mean over patients of values by sample; undefined without any. */
export function patientMean(values: ValuesByImage, samples: Answered, only: ReadonlySet<string>): number | undefined {
  const means = patientMeans(patientValues(values, samples, only)).map(p => p.value);
  return means.length === 0 ? undefined : means.reduce((a, b) => a + b, 0) / means.length;
}

export interface VerdictChoice {
  readonly samples: Answered;
  readonly only: ReadonlySet<string>;
  readonly better: Better;
  readonly smallest: number;
  readonly rng: Rng;
}

/**
 * Methods against controls, all verdicts as one family. Pairs without an image that both have are left out.
 * @returns for each pair of ids, in the order given
 */
export function verdictsAgainst(
  pairs: readonly (readonly [method: Valued, control: Valued])[],
  { samples, only, better, smallest, rng }: VerdictChoice,
): readonly (Difference & { readonly method: string })[] {
  const columns = pairs.flatMap(([method, control]) => {
    const differences = new Map<string, number>();
    for (const [sample, value] of method.values) {
      const other = control.values.get(sample);
      if (other !== undefined) differences.set(sample, value - other);
    }
    const means = new Map(patientMeans(patientValues(differences, samples, only)).map(p => [p.patient, p.value]));
    return means.size === 0 ? [] : [{ method: method.id, control: control.id, means }];
  });
  const patients = [...new Set(columns.flatMap(c => [...c.means.keys()]))].sort();
  if (columns.length === 0) return [];
  const values = Float64Array.from(patients.flatMap(p => columns.map(c => c.means.get(p) ?? Number.NaN)));
  const resamples = resamplesFor(patients.length * columns.length);
  const judged = verdictsOf(
    { patients: patients.length, comparisons: columns.length, values },
    { better, smallest, rng, resamples },
  );
  return judged.map((verdict, i) => ({ ...verdict, method: columns[i]!.method, control: columns[i]!.control }));
}

export interface RankingChoice {
  readonly samples: Answered;
  readonly only: ReadonlySet<string>;
  readonly better: Better;
  readonly rng: Rng;
  /** Share of the images that a method must have values for. Default: any. */
  readonly least?: number;
  /** Explainers that are one: the first is ranked. */
  readonly same?: readonly (readonly string[])[];
  readonly reference?: string;
  /** Strata that must not turn the order round. */
  readonly strata?: readonly Stratum[];
}

/**
 * Ranks of the methods that have values. A patient's mean is over the images that all ranked methods have a value for.
 */
export function rankingOf(methods: readonly Valued[], choice: RankingChoice): MetricRanking | undefined {
  const { samples, only, better, rng, least = 0, same = [], strata = [] } = choice;
  const own = methods.map(({ id, values }) => ({ id, values, count: countIn(values, only) }));
  const present = own.filter(method => method.count > 0);
  const images = imagesOf(present, only);
  const double = new Map(
    same.flatMap(group => {
      const first = group.find(id => present.some(p => p.id === id));
      return first === undefined ? [] : group.filter(id => id !== first).map((id): [string, string] => [id, first]);
    }),
  );
  const leftOut = own
    .filter(({ count }) => count < least * images.size || count === 0)
    .map(({ id, count }) => ({ method: id, share: images.size > 0 ? count / images.size : 0 }));
  const ranked = present.filter(({ id }) => !double.has(id) && !leftOut.some(l => l.method === id));
  if (ranked.length < 2) return undefined;
  const many = ranked.length > MOST_FOR_ALL_PAIRS;
  const reference = many ? (ranked.find(r => r.id === choice.reference)?.id ?? ranked[0]!.id) : undefined;
  const against = reference === undefined ? {} : { reference: ranked.findIndex(r => r.id === reference) };
  const { complete, filled } = patientRows(ranked, images, samples, better);
  const table = tableOf(complete, ranked.length);
  const pairs = many ? ranked.length - 1 : (ranked.length * (ranked.length - 1)) / 2;
  const test = maxT(table, { rng: rng.fork('max-t'), resamples: resamplesFor(table.length * pairs), ...against });
  const k = ranked.length;
  const setsOf = (tested: MaxT): Map<string, readonly [number, number]> =>
    many ? new Map() : namedSets(ranked, rankSets(tested, better));
  const missing = filled.length > complete.length || leftOut.length > 0;
  const worst =
    missing && !many ? maxT(tableOf(filled, k), { rng: rng.fork('worst'), resamples: FEWER_RESAMPLES }) : undefined;
  const last = leftOut.map(({ method }): [string, readonly [number, number]] => [method, [k + 1, k + leftOut.length]]);
  const name = (column: number) => ranked[column]!.id;
  return {
    canRank: reference === undefined ? test.canRank : table.length >= ORDER_FROM,
    exploratory: test.exploratory,
    patients: table.length,
    incomplete: new Set(filled.map(row => row.patient)).size - table.length,
    floor: ORDER_FROM,
    sets: setsOf(test),
    meanRanks: new Map(meanRanks(table, better).map((rank, i) => [name(i), rank])),
    ...(worst ? { worstCase: new Map([...setsOf(worst), ...last]) } : {}),
    leftOut,
    same: double,
    ...(reference === undefined ? {} : { reference }),
    reversals: reversals(test, testsOf(ranked, strata, choice, against), better).map(({ stratum, ahead, behind }) => ({
      stratum,
      ahead: name(ahead),
      behind: name(behind),
    })),
    pairs: test.pairs.map(({ a, b, difference, p, significant }) => {
      const firstWins = difference > 0 === (better === 'higher');
      return {
        better: name(firstWins ? a : b),
        worse: name(firstWins ? b : a),
        difference: firstWins ? difference : -difference,
        sd: sdOf(table.map(row => row[a]! - row[b]!)),
        p,
        significant,
      };
    }),
  };
}

/** The same test in each stratum that has patients enough for an order. */
function testsOf(
  ranked: readonly Valued[],
  strata: readonly Stratum[],
  { samples, better, rng }: RankingChoice,
  against: { readonly reference?: number },
): { readonly name: string; readonly test: MaxT }[] {
  return strata.flatMap(({ name, samples: only }) => {
    const { complete } = patientRows(ranked, imagesOf(ranked, only), samples, better);
    const table = tableOf(complete, ranked.length);
    if (table.length < ORDER_FROM) return [];
    return [{ name, test: maxT(table, { rng: rng.fork('stratum', name), resamples: FEWER_RESAMPLES, ...against }) }];
  });
}

interface PatientRow {
  readonly patient: string;
  /** One per method. */
  readonly values: readonly number[];
}

/** Images with all values, and all images with the image's worst value in place of those that are missing. */
function patientRows(
  ranked: readonly Valued[],
  images: ReadonlySet<string>,
  samples: Answered,
  better: Better,
): { readonly complete: readonly PatientRow[]; readonly filled: readonly PatientRow[] } {
  const complete: PatientRow[] = [];
  const filled: PatientRow[] = [];
  for (const id of images) {
    const patient = samples.get(id)?.patient ?? id;
    const values = ranked.map(method => method.values.get(id));
    const present = values.filter(v => v !== undefined);
    if (present.length === 0) continue;
    const worst = better === 'higher' ? Math.min(...present) : Math.max(...present);
    filled.push({ patient, values: values.map(v => v ?? worst) });
    if (present.length === values.length) complete.push({ patient, values: present });
  }
  return { complete, filled };
}

/** Images of `only` that any method has a value for. */
function imagesOf(methods: readonly Valued[], only: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(methods.flatMap(m => [...m.values.keys()].filter(id => only.has(id))));
}

function countIn(values: ValuesByImage, only: ReadonlySet<string>): number {
  let count = 0;
  for (const id of values.keys()) if (only.has(id)) count++;
  return count;
}

/** Patients × methods. */
function tableOf(rows: readonly PatientRow[], methods: number): number[][] {
  const columns = Array.from({ length: methods }, (_, m) =>
    patientMeans(rows.map(({ patient, values }) => ({ patient, value: values[m]! }))),
  );
  return (columns[0] ?? []).map((_, p) => columns.map(column => column[p]!.value));
}

function namedSets(
  ranked: readonly Valued[],
  sets: readonly [number, number][],
): Map<string, readonly [number, number]> {
  // Without complete patients the test has no columns.
  return new Map(ranked.map(({ id }, i) => [id, sets[i] ?? [1, ranked.length]]));
}

function sdOf(values: readonly number[]): number {
  const { patients, squares } = momentsOf(
    { patients: values.length, comparisons: 1, values: Float64Array.from(values) },
    0,
  );
  return patients > 1 ? Math.sqrt(squares / (patients - 1)) : 0;
}

function resamplesFor(cells: number): number {
  return Math.max(FEWER_RESAMPLES, Math.min(RESAMPLES, Math.floor(RESAMPLED_COMPARISONS / Math.max(1, cells))));
}

function patientValues(values: ValuesByImage, samples: Answered, only: ReadonlySet<string>): PatientValue[] {
  const rows: PatientValue[] = [];
  for (const [sample, value] of values) {
    if (only.has(sample)) rows.push({ patient: samples.get(sample)?.patient ?? sample, value });
  }
  return rows;
}
