import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { poolExams } from '../../../src/core/statistics/exams.ts';

const slice = (exam: string, label: number, p: number) => ({ exam, patient: exam, label, probabilities: [1 - p, p] });
const logit = (p: number) => Math.log(p / (1 - p));

describe('exams', () => {
  it('have the mean log-odds of their slices', () => {
    const { exams, mixed } = poolExams([
      slice('a', 1, 0.9),
      slice('b', 0, 0.2),
      slice('a', 1, 0.6),
      slice('a', 1, 0.3),
    ]);
    expect(mixed).toBe(0);
    expect(exams.map(e => e.label)).toEqual([1, 0]);
    expect(logit(exams[0]!.probabilities[1]!)).toBeCloseTo((logit(0.9) + logit(0.6) + logit(0.3)) / 3, 12);
    expect(exams[1]!.probabilities[1]).toBeCloseTo(0.2, 12);
  });

  it('whose slices have several labels are left out and counted', () => {
    const { exams, mixed } = poolExams([slice('a', 1, 0.9), slice('a', 0, 0.2), slice('b', 0, 0.2)]);
    expect(exams).toHaveLength(1);
    expect(mixed).toBe(1);
  });

  it('are probabilities, whatever the order of the slices and however sure one of them is', () => {
    const row = fc.record({
      exam: fc.constantFrom('a', 'b'),
      p: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), rows => {
        const of = (list: typeof rows) =>
          poolExams(list.map(({ exam, p }) => ({ exam, patient: exam, label: 0, probabilities: p }))).exams;
        const [forward, backward] = [of(rows), of(rows.toReversed())];
        for (const { patient, probabilities } of forward) {
          expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
          expect(probabilities.every(p => p >= 0 && p <= 1)).toBe(true);
          const other = backward.find(e => e.patient === patient)!;
          other.probabilities.forEach((p, c) => {
            expect(p).toBeCloseTo(probabilities[c]!, 9);
          });
        }
      }),
    );
  });
});
