import type { DicomFrame, DicomHeader } from './header.ts';
import { term } from './terms.ts';

/** Stored value × slope + intercept. */
export interface Rescale {
  readonly slope: number;
  readonly intercept: number;
}

/**
 * How a frame's stored values become Hounsfield units.
 * @param given What the suite says, for files that say nothing.
 * @throws Error where nothing says so: an image of another kind, or one without Rescale Intercept.
 */
export function rescaleOf(header: DicomHeader, frame: DicomFrame, given: Rescale | undefined): Rescale {
  const { modality, rescaleType } = header;
  if (given) return given;
  if (modality !== undefined && modality !== 'CT') {
    throw new Error(`its modality is ${term(modality)}, so that its values are no Hounsfield units`);
  }
  if (rescaleType !== undefined && !['HU', 'US'].includes(rescaleType)) {
    throw new Error(`its values are of the type ${term(rescaleType)}, not Hounsfield units`);
  }
  if (frame.intercept === undefined || frame.slope === undefined) {
    throw new Error(
      'it has no Rescale Slope and Intercept, so that nothing says what its values are in Hounsfield units',
    );
  }
  if (!(frame.slope !== 0 && Number.isFinite(frame.slope))) throw new Error(`its Rescale Slope is ${frame.slope}`);
  return { slope: frame.slope, intercept: frame.intercept };
}

/** What padding becomes where the file has it brighter: nothing outside the field of view looks like tissue. */
const AIR = -1000;

/** Hounsfield units [rows · columns] of stored values. Padding is as the file has it, but never above air. */
export function hounsfield(
  stored: Int32Array,
  { slope, intercept }: Rescale,
  padding: DicomHeader['padding'],
): Float32Array {
  const out = new Float32Array(stored.length);
  const [low, high] = padding ?? [1, 0];
  for (let i = 0; i < out.length; i++) {
    const v = stored[i]!;
    const hu = v * slope + intercept;
    out[i] = v >= low && v <= high ? Math.min(hu, AIR) : hu;
  }
  return out;
}
