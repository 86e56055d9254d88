import type { Rng } from '../../../core/rng.ts';
import type { Kernel } from '../scan-options.ts';
import { AXIS_BIN, SCAN, type Sinogram, WATER } from './geometry.ts';
import { frequencyOf, kernelWindow, LENGTH, ramp } from './kernels.ts';
import { poisson } from './poisson.ts';

/** The difference that counting photons makes to each ray, mm of water. */
export function photonNoise(rng: Rng, views: Sinogram, photons: number): Sinogram {
  return views.map(mm => {
    const expected = photons * Math.exp(-WATER * mm);
    // A ray without any photon is taken for one with half of one.
    return Math.log(expected / Math.max(0.5, poisson(rng, expected))) / WATER;
  });
}

/**
 * SD of one point at the axis of rotation, HU, with one photon per ray before the body; with N photons it is less by √N.
 * The law of filtered back-projection: variance = (π/M)² Σ a σ² ∫ H² df over the M views, where σ² is 1 / photons that
 * arrive, a the bin, and H the kernel with what interpolation between bins does to white noise.
 */
export function noiseOfOnePhoton(views: Sinogram, kernel: Kernel): number {
  const power = ramp().reduce((sum, r, k) => {
    const f = frequencyOf(k);
    return sum + (r * kernelWindow(kernel, f)) ** 2 * ((2 + Math.cos(2 * Math.PI * f * SCAN.bin)) / 3);
  }, 0);
  let variance = 0;
  for (let view = 0; view < SCAN.views; view++) {
    const at = view * SCAN.bins + Math.floor(AXIS_BIN);
    variance += Math.exp((WATER * (views[at]! + views[at + 1]!)) / 2);
  }
  // A step of the transform's frequencies, times a.
  variance *= power / LENGTH / WATER ** 2;
  return 1000 * (Math.PI / SCAN.views) * Math.sqrt(variance);
}
