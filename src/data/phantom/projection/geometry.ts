import type { BodyFrame } from '../frame.ts';

/** Parallel beams over half a turn; lengths in mm at the axis of rotation. */
export const SCAN = {
  views: 720,
  /** Width of a detector bin. */
  bin: 0.75,
  /** Bins of a view: 528 mm, so that body and table are within every view. */
  bins: 704,
  /** Radius of the field that is measured. Pixels beyond it are padding. */
  radius: 250,
} as const;

/** So that a pixel is a detector bin. */
const PIXELS = 560;
const WIDTH = 420;

/** The grid on which the body is drawn before it is scanned: finer than most images, and wide enough for the table. */
export const OBJECT_FRAME: BodyFrame = {
  size: PIXELS,
  spacing: WIDTH / PIXELS,
  x0: (WIDTH / PIXELS - WIDTH) / 2,
  y0: (WIDTH / PIXELS - WIDTH) / 2,
};

/** Attenuation of water per mm at about 70 keV, the effective energy of 110–120 kV. */
export const WATER = 0.0193;

/** Line integrals, [views, bins]: mm of water that attenuate as much. */
export type Sinogram = Float32Array;

/** Angle of a view, and where the axis of rotation meets its detector, in bins. */
export const angleOf = (view: number): number => (Math.PI * view) / SCAN.views;
export const AXIS_BIN = (SCAN.bins - 1) / 2;

/** Attenuation relative to water, from HU: 0 in air, 1 in water. */
export function attenuation(hu: Float64Array): Float32Array {
  const out = new Float32Array(hu.length);
  for (let p = 0; p < out.length; p++) out[p] = 1 + hu[p]! / 1000;
  return out;
}
