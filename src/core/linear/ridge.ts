/** Observations of a linear model with weights. */
export interface Observations {
  /** Row-major, [rows, columns]. */
  readonly design: ArrayLike<number>;
  readonly columns: number;
  /** One value per row. */
  readonly targets: ArrayLike<number>;
  /** One weight per row, not negative; not normalised. */
  readonly weights: ArrayLike<number>;
}

export interface LinearFit {
  readonly coefficients: Float64Array;
  readonly intercept: number;
  /** Weighted share of the targets' variance that is explained; absent where they do not vary. */
  readonly r2?: number;
}

/**
 * Weighted ridge regression: argmin Σ w (y − β₀ − Xβ)² + α‖β‖², the intercept β₀ unpenalised.
 * @returns null where the normal equations are singular (α = 0 and dependent columns), or all weights are 0.
 */
export function weightedRidge(data: Observations, alpha: number): LinearFit | null {
  const centred = centre(data);
  if (!centred) return null;
  const { gram, moments } = centred;
  const n = data.columns;
  for (let j = 0; j < n; j++) gram[j * n + j]! += alpha;
  const coefficients = solveCholesky(gram, moments);
  return coefficients && finish(data, centred, coefficients);
}

/**
 * Standard errors of weighted ridge coefficients over the drawing of the rows: the sandwich estimate about the fit, the
 * residuals of a draw multiplied by the inverse square root of 1 − its leverage (HC2 of MacKinnon and White 1985,
 * doi:10.1016/0304-4076(85)90158-7; of pairs CR2 of Bell and McCaffrey 2002).
 * @param draw By row, the draw that it came from, of one row or two; −1: it was not drawn. Absent: each row is one.
 * @returns null where the normal equations are singular, or draws are too few.
 */
export function ridgeErrors(
  data: Observations,
  alpha: number,
  fit: LinearFit,
  draw?: ArrayLike<number>,
): Float64Array | null {
  const { design, columns: n, targets, weights } = data;
  const draws = new Map<number, number[]>();
  for (let i = 0; i < targets.length; i++) {
    const from = draw?.[i] ?? i;
    if (from >= 0) draws.set(from, [...(draws.get(from) ?? []), i]);
  }
  const centred = centre(data);
  if (!centred || draws.size < 2) return null;
  const { gram, xMean, weightSum } = centred;
  for (let j = 0; j < n; j++) gram[j * n + j]! += alpha;
  if (!factorCholesky(gram, n)) return null;
  /** A row times the root of its weight: what it moves the coefficients by, and its residual. */
  const pulling = (i: number) => {
    const root = Math.sqrt(weights[i]!);
    const row = Float64Array.from({ length: n }, (_, j) => root * (design[i * n + j]! - xMean[j]!));
    let residual = targets[i]! - fit.intercept;
    for (let j = 0; j < n; j++) residual -= design[i * n + j]! * fit.coefficients[j]!;
    return { root, row, moved: solveFactored(gram, row), residual: root * residual };
  };
  const leverage = (a: ReturnType<typeof pulling>, b: ReturnType<typeof pulling>) =>
    b.moved.reduce((sum, v, j) => sum + v * a.row[j]!, (a.root * b.root) / weightSum);
  const variances = new Float64Array(n);
  for (const [first, second] of draws.values()) {
    const a = pulling(first!);
    if (second === undefined) {
      const pull = a.residual / Math.sqrt(Math.max(1e-9, 1 - leverage(a, a)));
      for (let j = 0; j < n; j++) variances[j]! += (pull * a.moved[j]!) ** 2;
      continue;
    }
    const b = pulling(second);
    const left = [1 - leverage(a, a), -leverage(a, b), 1 - leverage(b, b)] as const;
    const [pullA, pullB] = byInverseRoot(left, [a.residual, b.residual]);
    for (let j = 0; j < n; j++) variances[j]! += (pullA * a.moved[j]! + pullB * b.moved[j]!) ** 2;
  }
  return variances.map(Math.sqrt);
}

/** A^(−1/2) v of the symmetric A = [[p, q], [q, r]], whose eigenvalues are taken to be 1e-9 at least. */
function byInverseRoot([p, q, r]: readonly [number, number, number], v: readonly [number, number]): [number, number] {
  const [middle, half] = [(p + r) / 2, Math.hypot((p - r) / 2, q)];
  const [large, small] = [middle + half, middle - half].map(l => 1 / Math.sqrt(Math.max(1e-9, l))) as [number, number];
  // The eigenvector of the larger eigenvalue, by its angle.
  const angle = Math.atan2(2 * q, p - r) / 2;
  const [x, y] = [Math.cos(angle), Math.sin(angle)];
  const [along, across] = [large * (x * v[0] + y * v[1]), small * (x * v[1] - y * v[0])];
  return [along * x - across * y, along * y + across * x];
}

/** Weighted means, and the Gram matrix and moments about them. */
export interface Centred {
  readonly weightSum: number;
  readonly xMean: Float64Array;
  readonly yMean: number;
  /** XᵀWX of centred columns, [columns, columns]. */
  readonly gram: Float64Array;
  /** XᵀWy of centred columns and targets. */
  readonly moments: Float64Array;
}

/** @returns null where all weights are 0. */
export function centre({ design, columns: n, targets, weights }: Observations): Centred | null {
  const rows = targets.length;
  const xMean = new Float64Array(n);
  let [weightSum, yMean] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const w = weights[i]!;
    weightSum += w;
    yMean += w * targets[i]!;
    for (let j = 0; j < n; j++) xMean[j]! += w * design[i * n + j]!;
  }
  if (!(weightSum > 0)) return null;
  yMean /= weightSum;
  for (let j = 0; j < n; j++) xMean[j]! /= weightSum;

  const gram = new Float64Array(n * n);
  const moments = new Float64Array(n);
  const row = new Float64Array(n);
  for (let i = 0; i < rows; i++) {
    const w = weights[i]!;
    if (w === 0) continue;
    for (let j = 0; j < n; j++) row[j] = design[i * n + j]! - xMean[j]!;
    const y = w * (targets[i]! - yMean);
    for (let j = 0; j < n; j++) {
      const wx = w * row[j]!;
      moments[j]! += y * row[j]!;
      for (let k = 0; k <= j; k++) gram[j * n + k]! += wx * row[k]!;
    }
  }
  for (let j = 0; j < n; j++) for (let k = 0; k < j; k++) gram[k * n + j] = gram[j * n + k]!;
  return { weightSum, xMean, yMean, gram, moments };
}

/** The intercept that belongs to `coefficients`, and their weighted R². */
export function finish(data: Observations, { xMean, yMean }: Centred, coefficients: Float64Array): LinearFit {
  const { design, columns: n, targets, weights } = data;
  let intercept = yMean;
  for (let j = 0; j < n; j++) intercept -= xMean[j]! * coefficients[j]!;
  let [residual, total] = [0, 0];
  for (let i = 0; i < targets.length; i++) {
    let fitted = intercept;
    for (let j = 0; j < n; j++) fitted += design[i * n + j]! * coefficients[j]!;
    residual += weights[i]! * (targets[i]! - fitted) ** 2;
    total += weights[i]! * (targets[i]! - yMean) ** 2;
  }
  return { coefficients, intercept, ...(total > 0 ? { r2: 1 - residual / total } : {}) };
}

/** Solves A·x = b for a symmetric positive definite A [n, n], which is overwritten; null where it is not one. */
export function solveCholesky(a: Float64Array, b: Float64Array): Float64Array | null {
  return factorCholesky(a, b.length) ? solveFactored(a, b) : null;
}

/** Overwrites the lower half of a symmetric positive definite A [n, n] by L with L·Lᵀ = A; false where it is not one. */
export function factorCholesky(a: Float64Array, n: number): boolean {
  let largest = 0;
  for (let j = 0; j < n; j++) largest = Math.max(largest, a[j * n + j]!);
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      if (i > j) a[i * n + j] = sum / a[j * n + j]!;
      else if (sum > 1e-13 * largest) a[j * n + j] = Math.sqrt(sum);
      else return false;
    }
  }
  return true;
}

/** Solves L·Lᵀ·x = b for L in the lower half of `a`. */
export function solveFactored(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= a[i * n + k]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= a[k * n + i]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  return x;
}
