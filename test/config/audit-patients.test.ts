import { expect, it } from 'vitest';
import { auditPatients } from '../../src/config/audit-patients.ts';

type Plan = Parameters<typeof auditPatients>[0];

function planOf(patients: number, audit: number | undefined, labels: readonly string[] = ['no', 'yes']): Plan {
  const all = Array.from({ length: patients }, (_, i) => ({
    ...{ id: `p${i}/0`, patient: `p${i}` },
    ...(labels.length > 0 ? { label: labels[i % labels.length] } : {}),
  }));
  return {
    analysis: { strata: [], least: 0.8, ...(audit === undefined ? {} : { audit }) },
    dataset: {
      ...{ labels, count: patients },
      async *samples() {
        yield* all;
      },
    },
    models: [{ card: { classes: labels, positive: 'yes' }, classOf: new Map(labels.map((l, i) => [l, i])) }],
    ...{ explained: 'all', seed: 1 },
  } as unknown as Plan;
}

it('takes a share of the positive patients: 8 of 28, which leaves 20 to rank by', async () => {
  const found = await auditPatients(planOf(56, 0.3));
  expect(found).toHaveLength(8);
  expect(found.every(p => Number(p.slice(1)) % 2 === 1)).toBe(true);
  expect(await auditPatients(planOf(56, 0.3))).toEqual(found);
  expect(await auditPatients({ ...planOf(56, 0.3), seed: 2 })).not.toEqual(found);
});

it('takes none without an audit, and all kinds where nothing is labelled', async () => {
  expect(await auditPatients(planOf(56, undefined))).toEqual([]);
  expect(await auditPatients(planOf(10, 0.3, []))).toHaveLength(3);
});
