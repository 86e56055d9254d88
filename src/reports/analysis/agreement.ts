import { kendall } from '../../core/statistics/correlation.ts';
import { patientMeans } from '../../core/statistics/patients.ts';
import type { ScoreCell } from '../summary/collect.ts';
import type { Answered, MetricEntry, Stratum } from './analysis.ts';

/** Kendall's τ-b of each pair; null where there is none. */
export interface AgreementMatrix {
  readonly names: readonly string[];
  readonly tau: readonly (readonly (number | null)[])[];
}

/** How far metrics, and explainers, agree on the primary stratum. */
export interface Agreement {
  /** Whether two metrics order the explainers alike: mean over patients of τ over the explainers of an image. */
  readonly metrics?: AgreementMatrix;
  /** Whether two explainers do well on the same patients, by the primary metric: τ over patients. */
  readonly explainers?: AgreementMatrix;
}

/** Explainers that an order of an image needs, and patients that a correlation needs. */
const [LEAST_EXPLAINERS, LEAST_PATIENTS] = [3, 6];

export function agreementOf(
  metrics: readonly MetricEntry[],
  methods: readonly string[],
  cells: readonly ScoreCell[],
  { samples: only }: Stratum,
  answered: Answered,
  primary: string | undefined,
): Agreement {
  const rankable = metrics.filter(metric => metric.rankable !== false);
  const valuesOf = (metric: MetricEntry, method: string) => {
    const cell = cells.find(c => c.metric === metric.id && c.method === method);
    return new Map([...(cell?.values ?? [])].filter(([sample]) => only.has(sample)));
  };
  const patientOf = (sample: string) => answered.get(sample)?.patient ?? sample;
  const values = new Map(rankable.map(metric => [metric.id, methods.map(method => valuesOf(metric, method))]));
  const sign = ({ better }: MetricEntry) => (better === 'higher' ? 1 : -1);
  const betweenMetrics = (a: MetricEntry, b: MetricEntry): number | null => {
    const taus = [...only].flatMap(sample => {
      const pairs = methods.flatMap((_, m) => {
        const [x, y] = [values.get(a.id)![m]!.get(sample), values.get(b.id)![m]!.get(sample)];
        return x === undefined || y === undefined ? [] : [[sign(a) * x, sign(b) * y] as const];
      });
      if (pairs.length < LEAST_EXPLAINERS) return [];
      const value = kendall(
        pairs.map(p => p[0]),
        pairs.map(p => p[1]),
      );
      return value === null ? [] : [{ patient: patientOf(sample), value }];
    });
    const means = patientMeans(taus);
    return means.length < LEAST_PATIENTS ? null : means.reduce((sum, p) => sum + p.value, 0) / means.length;
  };
  const entry = rankable.find(metric => metric.id === primary);
  const byPatient = methods.map(
    (_, m) =>
      new Map(
        patientMeans(
          [...(entry ? values.get(entry.id)![m]! : [])].map(([sample, value]) => ({
            patient: patientOf(sample),
            value,
          })),
        ).map(p => [p.patient, p.value]),
      ),
  );
  const betweenExplainers = (a: number, b: number): number | null => {
    const common = [...byPatient[a]!.keys()].filter(patient => byPatient[b]!.has(patient));
    if (common.length < LEAST_PATIENTS) return null;
    return kendall(
      common.map(patient => byPatient[a]!.get(patient)!),
      common.map(patient => byPatient[b]!.get(patient)!),
    );
  };
  const matrix = <T>(items: readonly T[], name: (item: T) => string, tau: (a: T, b: T) => number | null) => ({
    names: items.map(name),
    tau: items.map((a, i) => items.map((b, j) => (i === j ? 1 : tau(a, b)))),
  });
  const told = ({ tau }: AgreementMatrix) => tau.some((row, i) => row.some((v, j) => i !== j && v !== null));
  const ofMetrics = matrix(rankable, metric => metric.id, betweenMetrics);
  const ofExplainers = matrix(
    methods.map((_, i) => i),
    i => methods[i]!,
    betweenExplainers,
  );
  return {
    ...(told(ofMetrics) ? { metrics: ofMetrics } : {}),
    ...(told(ofExplainers) ? { explainers: ofExplainers } : {}),
  };
}
