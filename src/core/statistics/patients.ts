export interface PatientValue {
  readonly patient: string;
  readonly value: number;
}

/** The mean of each patient's values, by patient in code-unit order, so that the order of rows does not matter. */
export function patientMeans(values: readonly PatientValue[]): { patient: string; value: number }[] {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { patient, value } of values) {
    if (!Number.isFinite(value)) throw new RangeError(`patient '${patient}' has the value ${value}`);
    const held = sums.get(patient) ?? { sum: 0, count: 0 };
    sums.set(patient, { sum: held.sum + value, count: held.count + 1 });
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([patient, { sum, count }]) => ({ patient, value: sum / count }));
}
