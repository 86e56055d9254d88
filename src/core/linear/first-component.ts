/** Steps of the power method; components whose variances differ by a thousandth are told apart. */
const STEPS = 20_000;

/** Steps that tell how large the second variance about is. */
const FEW_STEPS = 300;

/** Variances that differ by a smaller share are the same. */
const ALIKE = 1e-6;

/**
 * The first principal component: scores of the observations, centred, on the direction of largest variance, and the
 * share of the variance that it explains. Its sign is arbitrary.
 * @param data [observations, variables] row by row
 * @returns the reason where there is none: 'all positions are alike', or where two directions have the same variance
 */
export function firstComponent(
  data: ArrayLike<number>,
  variables: number,
): { readonly scores: Float64Array; readonly share: number } | string {
  const n = data.length / variables;
  const centred = centre(data, n, variables);
  const total = centred.reduce((sum, v) => sum + v * v, 0);
  const scale = Array.from(data).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  if (!(total > 1e-12 * scale * scale * n)) return 'all positions are alike';
  // The smaller of M Mᵀ and Mᵀ M has the same first eigenvalue.
  const byRows = n <= variables;
  const size = byRows ? n : variables;
  const gram = byRows ? gramOf(centred, n, variables) : gramOf(transposed(centred, n, variables), variables, n);
  const first = largestEigenvector(gram, size, STEPS);
  const second = largestEigenvector(without(gram, first), size, FEW_STEPS);
  if (!first.settled || second.value > (1 - ALIKE) * first.value) {
    return 'the first two components explain equally much';
  }
  const { value, direction } = first;
  const scores = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    if (byRows) scores[i] = direction[i]! * Math.sqrt(value);
    else for (let k = 0; k < variables; k++) scores[i]! += centred[i * variables + k]! * direction[k]!;
  }
  return { scores, share: value / total };
}

function centre(data: ArrayLike<number>, n: number, variables: number): Float64Array {
  const mean = new Float64Array(variables);
  for (let i = 0; i < data.length; i++) mean[i % variables]! += data[i]! / n;
  return Float64Array.from(data, (v, i) => v - mean[i % variables]!);
}

function transposed(m: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(m, (_, i) => m[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** M Mᵀ */
function gramOf(m: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * rows);
  for (let a = 0; a < rows; a++) {
    for (let b = a; b < rows; b++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += m[a * columns + k]! * m[b * columns + k]!;
      out[a * rows + b] = sum;
      out[b * rows + a] = sum;
    }
  }
  return out;
}

interface Eigenvector {
  readonly value: number;
  readonly direction: Float64Array;
  /** Whether the direction has come to rest. */
  readonly settled: boolean;
}

/** The matrix less an eigenvector's part. */
function without(m: Float64Array, { value, direction }: Eigenvector): Float64Array {
  const n = direction.length;
  return m.map((v, i) => v - value * direction[Math.floor(i / n)]! * direction[i % n]!);
}

/** By the power method. */
function largestEigenvector(m: Float64Array, n: number, steps: number): Eigenvector {
  let { direction } = normed(Float64Array.from({ length: n }, (_, i) => 1 + Math.sin(7 * i + 1)));
  let value = 0;
  for (let step = 0; step < steps; step++) {
    const next = new Float64Array(n);
    for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) next[a]! += m[a * n + b]! * direction[b]!;
    const unit = normed(next);
    if (unit.length === 0) return { value: 0, direction, settled: true };
    const moved = unit.direction.reduce((most, v, i) => Math.max(most, Math.abs(v - direction[i]!)), 0);
    ({ length: value, direction } = unit);
    if (moved < 1e-10) return { value, direction, settled: true };
  }
  return { value, direction, settled: false };
}

function normed(v: Float64Array): { length: number; direction: Float64Array } {
  const length = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
  return { length, direction: v.map(x => x / length) };
}
