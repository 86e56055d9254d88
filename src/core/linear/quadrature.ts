/** Nodes and weights of a rule on [0, 1]: ∫₀¹ f ≈ Σ weights·f(nodes). */
export interface Quadrature {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

/**
 * Gauss–Legendre on [0, 1], exact for polynomials of degree 2n − 1. Nodes are the roots of the Legendre polynomial P_n,
 * by Newton's method from Tricomi's approximation.
 * @throws RangeError if n is not a positive integer.
 */
export function gaussLegendre(n: number): Quadrature {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`gaussLegendre needs a positive integer, got ${n}`);
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < Math.ceil(n / 2); i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 0;
    for (let iteration = 0; iteration < 100; iteration++) {
      const p = legendre(n, x);
      slope = p.slope;
      const step = p.value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    slope = legendre(n, x).slope;
    const weight = 1 / ((1 - x * x) * slope * slope);
    const mirrored = n - 1 - i;
    nodes[i] = (1 - x) / 2;
    nodes[mirrored] = (1 + x) / 2;
    weights[i] = weight;
    weights[mirrored] = weight;
  }
  return { nodes, weights };
}

/** Midpoints of n equal intervals of [0, 1]. */
export function midpoints(n: number): Quadrature {
  return {
    nodes: Float64Array.from({ length: n }, (_, i) => (i + 0.5) / n),
    weights: new Float64Array(n).fill(1 / n),
  };
}

/** P_n(x) and its derivative, by the three-term recurrence; |x| < 1. */
function legendre(n: number, x: number): { value: number; slope: number } {
  let [previous, value] = [1, x];
  for (let k = 2; k <= n; k++) [previous, value] = [value, ((2 * k - 1) * x * value - (k - 1) * previous) / k];
  return { value, slope: (n * (x * value - previous)) / (x * x - 1) };
}
