import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DonorCandidate, donorIndex } from '../../src/jobs/donors.ts';

const candidates: fc.Arbitrary<DonorCandidate[]> = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1 }),
    patient: fc.constantFrom('P1', 'P2', 'P3', 'P4'),
    class: fc.constantFrom('no', 'yes'),
  }),
  { selector: c => c.id, maxLength: 12 },
);

it('is of the same class and another patient, wherever there is one', () => {
  fc.assert(
    fc.property(candidates, fc.integer(), (all, seed) => {
      for (const [i, own] of all.entries()) {
        const donor = donorIndex(all, i, seed);
        const fitting = all.filter(c => c.class === own.class && c.patient !== own.patient);
        if (fitting.length === 0) expect(donor).toBeUndefined();
        else expect(fitting).toContain(all[donor!]);
      }
    }),
  );
});

it('does not depend on the order of the images', () => {
  fc.assert(
    fc.property(
      candidates.filter(c => c.length > 0),
      fc.integer(),
      (all, seed) => {
        const reversed = [...all].reverse();
        for (const [i] of all.entries()) {
          const [donor, other] = [donorIndex(all, i, seed), donorIndex(reversed, all.length - 1 - i, seed)];
          expect(donor === undefined ? undefined : all[donor]).toBe(other === undefined ? undefined : reversed[other]);
        }
      },
    ),
  );
});

it('depends on the seed, and spreads over the candidates', () => {
  const all = Array.from({ length: 30 }, (_, i) => ({ id: `${i}`, patient: `P${i}`, class: 'no' }));
  const of = (seed: number) => all.map((_, i) => donorIndex(all, i, seed));
  expect(of(1)).toEqual(of(1));
  expect(of(1)).not.toEqual(of(2));
  expect(new Set(of(1)).size).toBeGreaterThan(10);
});
