import type { Curve } from '../../core/contracts/index.ts';
import { valueAt } from '../../core/perturbation/curve.ts';

/** Points of the common grid on which curves are averaged: fractions 0, 0.01 … 1. */
export const CURVE_POINTS = 101;

/** Curves of one model × metric × method on the common grid, linearly interpolated. */
export interface CurveMean {
  /** Number of curves. */
  readonly images: number;
  /** Mean within each patient, by patient. Each [CURVE_POINTS]. */
  readonly patients: ReadonlyMap<string, Float32Array>;
}

export interface CurveDraft {
  add(patient: string, curve: Curve): void;
  finish(): CurveMean | undefined;
}

export function createCurveMean(): CurveDraft {
  const sums = new Map<string, { n: number; sum: Float64Array }>();
  let images = 0;
  return {
    add(patient, curve) {
      if (!usable(curve)) return;
      let held = sums.get(patient);
      if (!held) {
        held = { n: 0, sum: new Float64Array(CURVE_POINTS) };
        sums.set(patient, held);
      }
      held.n++;
      images++;
      addTo(held.sum, curve);
    },
    finish() {
      if (images === 0) return undefined;
      const patients = new Map<string, Float32Array>();
      for (const patient of [...sums.keys()].sort()) {
        const { n, sum } = sums.get(patient)!;
        patients.set(
          patient,
          Float32Array.from(sum, v => v / n),
        );
      }
      return { images, patients };
    },
  };
}

/** At least two points, ascending, finite. */
function usable({ fraction, score }: Curve): boolean {
  if (fraction.length < 2 || fraction.length !== score.length) return false;
  return fraction.every(
    (f, i) => Number.isFinite(f) && Number.isFinite(score[i]) && (i === 0 || f >= fraction[i - 1]!),
  );
}

function addTo(sum: Float64Array, { fraction, score }: Curve): void {
  for (let i = 0; i < CURVE_POINTS; i++) sum[i]! += valueAt(fraction, score, i / (CURVE_POINTS - 1));
}
