import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { orderAgreement, type ScoredTwice } from '../../../src/core/statistics/order-agreement.ts';

const rng = createRng('orders');
const patients = Array.from({ length: 20 }, (_, i) => `p${i}`);
const explainer = (a: (i: number) => number, b: (i: number) => number): ScoredTwice => ({
  a: new Map(patients.map((p, i) => [p, a(i)])),
  b: new Map(patients.map((p, i) => [p, b(i)])),
});

describe('orderAgreement', () => {
  it('is 1 for the same order and −1 for the reverse, and so are the ends where no patient disagrees', () => {
    const same = [1, 2, 3, 4].map(k =>
      explainer(
        () => k,
        () => 10 * k,
      ),
    );
    expect(orderAgreement(same, rng)).toEqual({ tau: 1, interval: [1, 1], patients: 20 });
    const reverse = [1, 2, 3, 4].map(k =>
      explainer(
        () => k,
        () => -k,
      ),
    );
    expect(orderAgreement(reverse, rng)).toEqual({ tau: -1, interval: [-1, -1], patients: 20 });
  });

  it('has an interval around 0 where scores are chance', () => {
    const chance = Array.from({ length: 6 }, () =>
      explainer(
        () => rng.normal(),
        () => rng.normal(),
      ),
    );
    const { interval } = orderAgreement(chance, rng);
    expect(interval![0]).toBeLessThan(0);
    expect(interval![1]).toBeGreaterThan(0);
  });

  it('takes only patients that every explainer has both values of, and says how many', () => {
    const [a, b] = [
      explainer(
        () => 1,
        () => 1,
      ),
      explainer(
        () => 2,
        () => 2,
      ),
    ];
    const part = { a: new Map([...a.a].slice(0, 5)), b: a.b };
    expect(orderAgreement([part, b], rng)).toEqual({ tau: 1, patients: 5 });
    expect(orderAgreement([{ a: new Map(), b: a.b }, b], rng)).toEqual({ tau: null, patients: 0 });
  });

  it('has no value where one side does not vary', () => {
    const flat = [1, 2, 3].map(k =>
      explainer(
        () => k,
        () => 0,
      ),
    );
    expect(orderAgreement(flat, rng)).toEqual({ tau: null, patients: 20 });
  });
});
