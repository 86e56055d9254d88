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
 * Standard errors of weighted ridge coefficients over the drawing of the rows: the sandwich estimate about the fit, each
 * row's square divided by 1 − its leverage (HC2 of MacKinnon and White 1985, doi:10.1016/0304-4076(85)90158-7). The first
 * `fixed` rows are no draws.
 * @returns null where the normal equations are singular, or rows are too few.
 */
export function ridgeErrors(data: Observations, alpha: number, fit: LinearFit, fixed = 0): Float64Array | null {
  const { design, columns: n, targets, weights } = data;
  const rows = targets.length;
  const centred = centre(data);
  if (!centred || rows - fixed < 2) return null;
  const { gram, xMean, weightSum } = centred;
  for (let j = 0; j < n; j++) gram[j * n + j]! += alpha;
  if (!factorCholesky(gram, n)) return null;
  const variances = new Float64Array(n);
  const row = new Float64Array(n);
  for (let i = fixed; i < rows; i++) {
    let residual = targets[i]! - fit.intercept;
    for (let j = 0; j < n; j++) {
      row[j] = design[i * n + j]! - xMean[j]!;
      residual -= design[i * n + j]! * fit.coefficients[j]!;
    }
    const moved = solveFactored(gram, row);
    let leverage = 1 / weightSum;
    for (let j = 0; j < n; j++) leverage += row[j]! * moved[j]!;
    const pull = (weights[i]! * residual) / Math.sqrt(Math.max(1e-9, 1 - weights[i]! * leverage));
    for (let j = 0; j < n; j++) variances[j]! += (pull * moved[j]!) ** 2;
  }
  return variances.map(Math.sqrt);
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
