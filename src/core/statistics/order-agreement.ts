import type { Rng } from '../rng.ts';
import { kendall } from './correlation.ts';
import { quantile } from './quantile.ts';

/** What one explainer scored by two metrics, by patient: means over the patient's images. */
export interface ScoredTwice {
  readonly a: ReadonlyMap<string, number>;
  readonly b: ReadonlyMap<string, number>;
}

export interface OrderAgreement {
  /** Kendall's τ-b between the orders of the means over patients; null where one side does not vary. */
  readonly tau: number | null;
  /** 95 % percentile bootstrap over patients; absent below `LEAST_PATIENTS` or where most resamples have no τ. */
  readonly interval?: readonly [number, number];
  readonly patients: number;
}

const RESAMPLES = 1999;
/** Below this many patients a bootstrap over them says little. */
const LEAST_PATIENTS = 6;

/**
 * Whether two metrics put explainers in the same order, over the patients that both have values of for every explainer.
 * Both count higher as better: the caller turns the sign of those that do not.
 */
export function orderAgreement(explainers: readonly ScoredTwice[], rng: Rng): OrderAgreement {
  const [first, ...rest] = explainers;
  const has = (e: ScoredTwice, patient: string) => e.a.has(patient) && e.b.has(patient);
  const patients = [...(first?.a.keys() ?? [])].filter(p => has(first!, p) && rest.every(e => has(e, p)));
  if (patients.length === 0) return { tau: null, patients: 0 };
  const tauOf = (drawn: readonly string[]): number | null => {
    const mean = (of: ReadonlyMap<string, number>) => drawn.reduce((sum, p) => sum + of.get(p)!, 0) / drawn.length;
    return kendall(
      explainers.map(e => mean(e.a)),
      explainers.map(e => mean(e.b)),
    );
  };
  const tau = tauOf(patients);
  if (tau === null || patients.length < LEAST_PATIENTS) return { tau, patients: patients.length };
  const drawn: number[] = [];
  for (let k = 0; k < RESAMPLES; k++) {
    const value = tauOf(patients.map(() => patients[rng.int(patients.length)]!));
    if (value !== null) drawn.push(value);
  }
  if (drawn.length < RESAMPLES / 2) return { tau, patients: patients.length };
  return { tau, interval: [quantile(drawn, 0.025), quantile(drawn, 0.975)], patients: patients.length };
}
