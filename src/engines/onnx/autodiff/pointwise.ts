import { attr } from '../graph/graph.ts';
import type { Emitter } from './emit.ts';

/** Steep enough for a ramp to be a step: 1 from 2⁻¹⁰⁰ on. A power of two leaves the digits alone. */
const STEEP = 2 ** 100;

/** min(max(scale·x + shift, 0), 1): vectorised, and done in ONNX Runtime's blocked layout of images. */
function ramp(e: Emitter, x: string, scale: number, shift: number): string {
  return e.op('HardSigmoid', [x], { alpha: attr.float(scale), beta: attr.float(shift) });
}

/** 1 where scale·x + shift > 0, else 0; scale and shift of ordinary size. Where and Sign take several times as long. */
export function positive(e: Emitter, x: string, scale = 1, shift = 0): string {
  return ramp(e, x, STEEP * scale, STEEP * shift);
}

/** 1 − x for x in 0…1. */
export function complement(e: Emitter, x: string): string {
  return ramp(e, x, -1, 1);
}
