import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussLegendre, midpoints } from '../../src/core/linear/quadrature.ts';

const integrate = ({ nodes, weights }: ReturnType<typeof gaussLegendre>, f: (x: number) => number): number =>
  nodes.reduce((sum, x, i) => sum + weights[i]! * f(x), 0);

describe('gaussLegendre', () => {
  it('has the textbook nodes of three points', () => {
    const { nodes, weights } = gaussLegendre(3);
    const root = Math.sqrt(3 / 5);
    for (const [i, x] of [(1 - root) / 2, 0.5, (1 + root) / 2].entries()) expect(nodes[i]).toBeCloseTo(x, 15);
    for (const [i, w] of [5 / 18, 8 / 18, 5 / 18].entries()) expect(weights[i]).toBeCloseTo(w, 15);
  });

  it('is exact for polynomials up to degree 2n − 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), (n, d) => {
        const degree = d % (2 * n);
        expect(integrate(gaussLegendre(n), x => x ** degree)).toBeCloseTo(1 / (degree + 1), 13);
      }),
    );
  });

  it.each([1, 2, 50, 400, 1001])('with %i points: ascending nodes inside (0, 1), weights of sum 1', n => {
    const { nodes, weights } = gaussLegendre(n);
    expect(nodes.every((x, i) => x > (nodes[i - 1] ?? 0) && x < 1)).toBe(true);
    expect(integrate({ nodes, weights }, () => 1)).toBeCloseTo(1, 12);
    expect(integrate({ nodes, weights }, Math.exp)).toBeCloseTo(n === 1 ? Math.exp(0.5) : Math.E - 1, n < 3 ? 2 : 12);
  });

  it('refuses a number of points that is none', () => {
    for (const n of [0, -1, 1.5, Number.NaN]) expect(() => gaussLegendre(n)).toThrow(RangeError);
  });
});

it('midpoints are exact for straight lines', () => {
  expect(integrate(midpoints(7), x => 3 * x + 1)).toBeCloseTo(2.5, 14);
});
