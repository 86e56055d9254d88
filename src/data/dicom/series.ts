import { alongNormal, type DicomFrame } from './header.ts';
import type { ScannedFile } from './scan.ts';

/** One slice of a series: a frame of a file. */
export interface SeriesSlice {
  readonly file: ScannedFile;
  /** From 0. */
  readonly frame: number;
  /** Millimetres along the slice normal; undefined where the file does not say. */
  readonly position?: number;
}

/** Slices of one series that lie in parallel and have one size, from feet to head (along the normal). */
export interface Series {
  readonly uid: string;
  readonly slices: readonly SeriesSlice[];
  /** What is odd about it. */
  readonly warnings: readonly string[];
}

/** Groups files by series UID, size and orientation, and sorts each group along its normal. */
export function groupSeries(images: readonly ScannedFile[]): Series[] {
  const groups = new Map<string, SeriesSlice[]>();
  for (const file of images) {
    const { series, rows, columns, frames } = file.header;
    for (const [frame, where] of frames.entries()) {
      const key = JSON.stringify([series, rows, columns, orientationKey(where)]);
      const slices = groups.get(key) ?? [];
      const position = alongNormal(where);
      slices.push({ file, frame, ...(position === undefined ? {} : { position }) });
      groups.set(key, slices);
    }
  }
  return [...groups.values()].map(slices => {
    const sorted = slices.sort(compare);
    return { uid: sorted[0]!.file.header.series, slices: sorted, warnings: warningsOf(sorted) };
  });
}

function orientationKey({ orientation }: DicomFrame): number[] {
  // Cosines of one series differ by rounding.
  return (orientation ?? []).flat().map(v => Math.round(v * 50) / 50 + 0);
}

function compare(a: SeriesSlice, b: SeriesSlice): number {
  const byPosition = (a.position ?? 0) - (b.position ?? 0);
  if (Math.abs(byPosition) > 1e-6) return byPosition;
  const byNumber = (a.file.header.instanceNumber ?? 0) - (b.file.header.instanceNumber ?? 0);
  return byNumber || (a.file.id < b.file.id ? -1 : a.file.id > b.file.id ? 1 : a.frame - b.frame);
}

/** Distances that differ by less than this are equal, mm. */
const SLACK = 0.02;

function warningsOf(slices: readonly SeriesSlice[]): string[] {
  const warnings: string[] = [];
  const frames = slices.map(s => s.file.header.frames[s.frame]!);
  const spacings = new Set(frames.map(f => JSON.stringify(f.spacing ?? null)));
  if (spacings.size > 1) warnings.push(`its slices have ${spacings.size} different pixel spacings`);
  if (frames.some(f => !f.spacing)) warnings.push('slices without a pixel spacing');
  const positions = slices.flatMap(s => s.position ?? []);
  if (positions.length < slices.length) warnings.push('slices that do not say where they lie');
  const gaps = positions.slice(1).map((at, i) => at - positions[i]!);
  const twice = gaps.filter(gap => gap < SLACK).length;
  if (twice > 0) warnings.push(`${twice} slices lie where another one lies`);
  const steps = gaps.filter(gap => gap >= SLACK).sort((a, b) => a - b);
  const step = steps[Math.floor(steps.length / 2)];
  if (step !== undefined && steps.length > 1) {
    const wide = steps.filter(gap => gap > 1.5 * step).length;
    if (wide > 0)
      warnings.push(`slices are missing, or lie unevenly: ${wide} gaps are wider than the usual ${round(step)} mm`);
    else if (steps.at(-1)! - steps[0]! > Math.max(SLACK, 0.01 * step)) {
      warnings.push(`slices lie unevenly, ${round(steps[0]!)} to ${round(steps.at(-1)!)} mm apart`);
    }
  }
  const tilt = tiltOf(slices);
  if (tilt > 0.5) warnings.push(`the gantry was tilted by ${round(tilt)}°: slices are sheared against each other`);
  return warnings;
}

/** Degrees between the slice normal and the way from the first slice to the last. */
function tiltOf(slices: readonly SeriesSlice[]): number {
  const places = slices.flatMap(s => {
    const { position, orientation } = s.file.header.frames[s.frame]!;
    return position && orientation && s.position !== undefined ? [{ position, along: s.position }] : [];
  });
  const [first, last] = [places[0], places.at(-1)];
  if (!first || !last || last.along - first.along < SLACK) return 0;
  const way = last.position.map((v, i) => v - first.position[i]!);
  const share = (last.along - first.along) / Math.hypot(...way);
  return (Math.acos(Math.min(1, share)) * 180) / Math.PI;
}

function round(v: number): number {
  return Math.round(v * 100) / 100;
}
