import { describe, expect, it } from 'vitest';
import { detectableDifference, patientsToDetect } from '../../../src/core/statistics/detect.ts';

describe('how many patients a study needs', () => {
  it('is the first number that detects the difference', () => {
    for (const [difference, pairs] of [
      [0.05, 1],
      [0.05, 15],
      [0.02, 6],
    ] as const) {
      const { patients, difference: found } = patientsToDetect(difference, 0.11, { pairs });
      expect(found).toBeLessThanOrEqual(difference);
      expect(found).toBe(detectableDifference(0.11, patients, { pairs }));
      expect(detectableDifference(0.11, patients - 1, { pairs })).toBeGreaterThan(difference);
    }
  });

  it('is never below what an order is shown of', () => {
    expect(patientsToDetect(5, 0.1)).toMatchObject({ patients: 12, exploratory: true });
    expect(patientsToDetect(0.05, 0.1)).toMatchObject({ exploratory: false });
  });

  it('grows with pairs and power, and with the square of the spread', () => {
    const of = (sd: number, options = {}) => patientsToDetect(0.01, sd, options).patients;
    expect(of(0.1, { pairs: 10 })).toBeGreaterThan(of(0.1));
    expect(of(0.1, { power: 0.9 })).toBeGreaterThan(of(0.1));
    expect(of(0.2) / of(0.1)).toBeCloseTo(4, 1);
  });

  it('refuses what cannot be planned', () => {
    expect(() => patientsToDetect(0, 1)).toThrow(/difference must be above 0/);
    expect(() => patientsToDetect(0.1, Number.NaN)).toThrow(/deviation must be above 0/);
    expect(() => patientsToDetect(1e-6, 1)).toThrow(/over a million/);
    expect(() => detectableDifference(1, 1)).toThrow(/2 patients/);
    expect(() => detectableDifference(1, 9, { pairs: 0 })).toThrow(/1 pair/);
  });
});
