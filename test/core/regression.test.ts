import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { weightedLasso } from '../../src/core/linear/lasso.ts';
import { type LinearFit, type Observations, weightedRidge } from '../../src/core/linear/ridge.ts';

interface Expected {
  alpha: number;
  coefficients: number[];
  intercept: number;
  r2: number;
}

const golden = JSON.parse(readFileSync(new URL('../golden/regression.json', import.meta.url), 'utf8')) as {
  design: number[][];
  targets: number[];
  weights: number[];
  ridge: Expected[];
  lasso: Expected[];
};
const data: Observations = { ...golden, design: golden.design.flat(), columns: golden.design[0]!.length };

function expectFit(fit: LinearFit | null, expected: Expected, digits: number): void {
  for (const [j, b] of expected.coefficients.entries()) expect(fit?.coefficients[j]).toBeCloseTo(b, digits);
  expect(fit?.intercept).toBeCloseTo(expected.intercept, digits);
  expect(fit?.r2).toBeCloseTo(expected.r2, digits);
}

describe('agrees with scikit-learn', () => {
  it.each(golden.ridge)('ridge, alpha $alpha', expected => {
    expectFit(weightedRidge(data, expected.alpha), expected, 12);
  });
  it.each(golden.lasso)('lasso, alpha $alpha', expected => {
    expectFit(weightedLasso(data, expected.alpha), expected, 6);
  });
});

const observations = fc
  .record({ rows: fc.integer({ min: 8, max: 20 }), columns: fc.integer({ min: 1, max: 4 }) })
  .chain(({ rows, columns }) => {
    const values = (n: number, min: number, max: number) =>
      fc.array(fc.double({ min, max, noNaN: true }), { minLength: n, maxLength: n });
    return fc.record({
      design: values(rows * columns, -2, 2),
      columns: fc.constant(columns),
      targets: values(rows, -3, 3),
      weights: values(rows, 0.1, 1),
    });
  });

/** −½ of the gradient of the weighted squares, per column, and for the intercept. */
function moments({ design, columns, targets, weights }: Observations, fit: LinearFit) {
  const left = new Float64Array(columns);
  let mean = 0;
  for (let i = 0; i < targets.length; i++) {
    let fitted = fit.intercept;
    for (let j = 0; j < columns; j++) fitted += design[i * columns + j]! * fit.coefficients[j]!;
    const residual = weights[i]! * (targets[i]! - fitted);
    mean += residual;
    for (let j = 0; j < columns; j++) left[j]! += residual * design[i * columns + j]!;
  }
  return { left, mean };
}

describe('optimality', () => {
  it('ridge: the gradient is zero, the intercept unpenalised', () => {
    fc.assert(
      fc.property(observations, fc.double({ min: 0.01, max: 10, noNaN: true }), (o, alpha) => {
        const fit = weightedRidge(o, alpha)!;
        const { left, mean } = moments(o, fit);
        expect(mean).toBeCloseTo(0, 8);
        for (const [j, m] of left.entries()) expect(m).toBeCloseTo(alpha * fit.coefficients[j]!, 8);
      }),
    );
  });

  it('lasso: the subgradient contains zero', () => {
    fc.assert(
      fc.property(observations, fc.double({ min: 0.01, max: 1, noNaN: true }), (drawn, alpha) => {
        const o = { ...drawn, design: drawn.design.map(v => (v > 0 ? 1 : 0)) };
        const fit = weightedLasso(o, alpha)!;
        const { left, mean } = moments(o, fit);
        const bound = alpha * Array.from(o.weights).reduce((a, b) => a + b, 0);
        expect(mean).toBeCloseTo(0, 8);
        for (const [j, m] of left.entries()) {
          const b = fit.coefficients[j]!;
          if (b === 0) expect(Math.abs(m)).toBeLessThanOrEqual(bound + 1e-4);
          else expect(m).toBeCloseTo(Math.sign(b) * bound, 3);
        }
      }),
    );
  });
});

describe('degenerate data', () => {
  it('has no R² where the targets do not vary', () => {
    const fit = weightedRidge({ ...data, targets: golden.targets.map(() => 2) }, 1)!;
    expect(fit.r2).toBeUndefined();
    expect([...fit.coefficients].every(b => b === 0)).toBe(true);
    expect(fit.intercept).toBe(2);
  });

  it('has no answer without weights, or with dependent columns and no penalty', () => {
    const none = { ...data, weights: golden.weights.map(() => 0) };
    expect(weightedRidge(none, 1)).toBeNull();
    expect(weightedLasso(none, 1)).toBeNull();
    const twice = { design: [1, 1, 0, 0, 1, 1, 0, 0], columns: 2, targets: [1, 0, 1, 0], weights: [1, 1, 1, 1] };
    expect(weightedRidge(twice, 0)).toBeNull();
    expect(weightedRidge(twice, 1)?.coefficients[0]).toBeCloseTo(1 / 3, 12);
  });
});
