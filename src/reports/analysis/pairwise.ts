import type { Rng } from '../../core/rng.ts';
import { maxT, ORDER_FROM, rankSets } from '../../core/statistics/max-t.ts';
import { type PatientValue, patientMeans } from '../../core/statistics/patients.ts';
import { type Summary, summarise } from '../../core/statistics/summary.ts';
import type { Answered, Difference, MetricRanking } from './analysis.ts';

/** Values by sample id. */
export type Values = ReadonlyMap<string, number>;

type Better = 'higher' | 'lower';

/** Resamples for controls, differences from them, and the tables by the classifier's outcome. */
export const FEWER_RESAMPLES = 1999;
/** Patients drawn for one interval, at most: 9,999 resamples of up to 200, fewer of more, at least 1,999. */
const RESAMPLED_PATIENTS = 2e6;

export interface SummaryChoice {
  readonly only?: ReadonlySet<string>;
  readonly range?: readonly [number, number];
  readonly resamples?: number;
}

/** The mean over patients of `values`, of the samples in `only` where it is given. */
export function summaryOf(
  values: Values,
  samples: Answered,
  rng: Rng,
  { only, range, resamples = 9999 }: SummaryChoice = {},
): Summary | undefined {
  const rows = patientValues(values, samples, only);
  if (rows.length === 0) return undefined;
  const patients = new Set(rows.map(row => row.patient)).size;
  const most = Math.max(FEWER_RESAMPLES, Math.floor(RESAMPLED_PATIENTS / patients));
  return summarise(rows, { rng, resamples: Math.min(resamples, most), ...(range ? { range } : {}) });
}

/** Standard deviation (n − 1) of patients' means. */
export function patientSd(values: Values, samples: Answered): number | undefined {
  const means = patientMeans(patientValues(values, samples)).map(p => p.value);
  if (means.length < 2) return undefined;
  const mean = means.reduce((a, b) => a + b, 0) / means.length;
  return Math.sqrt(means.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (means.length - 1));
}

/** A method against a control; undefined where no image has both. */
export function differenceOf(
  method: Values,
  control: { readonly id: string; readonly values: Values },
  samples: Answered,
  better: Better,
  rng: Rng,
  options: SummaryChoice = {},
): Difference | undefined {
  const paired = new Map<string, number>();
  for (const [sample, value] of method) {
    const other = control.values.get(sample);
    if (other !== undefined) paired.set(sample, value - other);
  }
  const summary = summaryOf(paired, samples, rng, options);
  return summary && { control: control.id, summary, verdict: verdictOf(summary, better) };
}

function verdictOf({ low, high }: Summary, better: Better): Difference['verdict'] {
  if (low === null || high === null || (low <= 0 && high >= 0)) return 'open';
  return low > 0 === (better === 'higher') ? 'better' : 'worse';
}

/**
 * Ranks of the methods that have values. A patient's mean is over the images that all these methods have a value for.
 */
export function rankingOf(
  methods: readonly { readonly id: string; readonly values: Values }[],
  samples: Answered,
  better: Better,
  rng: Rng,
): MetricRanking | undefined {
  const ranked = methods.filter(method => method.values.size > 0);
  if (ranked.length < 2) return undefined;
  const complete: PatientRow[] = [];
  const filled: PatientRow[] = [];
  const patients = new Set<string>();
  for (const [id, { patient }] of samples) {
    const values = ranked.map(method => method.values.get(id));
    const present = values.filter(v => v !== undefined);
    if (present.length === 0) continue;
    patients.add(patient);
    const worst = better === 'higher' ? Math.min(...present) : Math.max(...present);
    filled.push({ patient, values: values.map(v => v ?? worst) });
    if (present.length === values.length) complete.push({ patient, values: present });
  }
  const table = tableOf(complete, ranked.length);
  const test = maxT(table, { rng: rng.fork('max-t') });
  const sets = namedSets(ranked, rankSets(test, better));
  const missing = filled.length > complete.length;
  const worstCase = missing ? maxT(tableOf(filled, ranked.length), { rng: rng.fork('worst') }) : undefined;
  return {
    canRank: test.canRank,
    patients: table.length,
    incomplete: patients.size - table.length,
    floor: ORDER_FROM,
    sets,
    ...(worstCase ? { worstCase: namedSets(ranked, rankSets(worstCase, better)) } : {}),
    pairs: test.pairs.map(({ a, b, difference, p, significant }) => {
      const [first, second] = [ranked[a]!.id, ranked[b]!.id];
      const firstWins = difference > 0 === (better === 'higher');
      return {
        better: firstWins ? first : second,
        worse: firstWins ? second : first,
        difference: firstWins ? difference : -difference,
        p,
        significant,
      };
    }),
  };
}

interface PatientRow {
  readonly patient: string;
  /** One per method. */
  readonly values: readonly number[];
}

/** Patients × methods. */
function tableOf(rows: readonly PatientRow[], methods: number): number[][] {
  const columns = Array.from({ length: methods }, (_, m) =>
    patientMeans(rows.map(({ patient, values }) => ({ patient, value: values[m]! }))),
  );
  return (columns[0] ?? []).map((_, p) => columns.map(column => column[p]!.value));
}

function namedSets(
  ranked: readonly { readonly id: string }[],
  sets: readonly [number, number][],
): Map<string, readonly [number, number]> {
  // Without complete patients the test has no columns.
  return new Map(ranked.map(({ id }, i) => [id, sets[i] ?? [1, ranked.length]]));
}

function patientValues(values: Values, samples: Answered, only?: ReadonlySet<string>): PatientValue[] {
  const rows: PatientValue[] = [];
  for (const [sample, value] of values) {
    if (only && !only.has(sample)) continue;
    rows.push({ patient: samples.get(sample)?.patient ?? sample, value });
  }
  return rows;
}
