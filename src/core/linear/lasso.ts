import { centre, finish, type LinearFit, type Observations } from './ridge.ts';

const SWEEPS = 10_000;
const TOLERANCE = 1e-7;

/**
 * Weighted lasso: argmin Σ w (y − β₀ − Xβ)² / (2 Σw) + α‖β‖₁, the intercept unpenalised, by cyclic coordinate descent
 * on the Gram matrix (Friedman et al. 2010, doi:10.18637/jss.v033.i01). The objective is scikit-learn's.
 * @returns null where all weights are 0.
 */
export function weightedLasso(data: Observations, alpha: number): LinearFit | null {
  const centred = centre(data);
  if (!centred) return null;
  const { gram, moments, weightSum } = centred;
  const n = data.columns;
  const beta = new Float64Array(n);
  // What is left of each moment: XᵀW(y − Xβ).
  const left = moments.slice();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let [change, size] = [0, 0];
    for (let j = 0; j < n; j++) {
      const curvature = gram[j * n + j]!;
      if (curvature <= 0) continue;
      const pull = left[j]! + curvature * beta[j]!;
      const next = (Math.sign(pull) * Math.max(0, Math.abs(pull) - alpha * weightSum)) / curvature;
      const step = next - beta[j]!;
      if (step !== 0) for (let k = 0; k < n; k++) left[k]! -= step * gram[j * n + k]!;
      beta[j] = next;
      change = Math.max(change, Math.abs(step));
      size = Math.max(size, Math.abs(next));
    }
    if (change <= TOLERANCE * size) break;
  }
  return finish(data, centred, beta);
}
