import type { Rng } from '../../core/rng.ts';
import { VENA_CAVA } from './anatomy.ts';
import type { Confounder } from './confounder-names.ts';
import { around, clamp01, uniform } from './frame.ts';
import type { Change } from './places.ts';
import { damagesOf, type PatientSpec, type Scene, withoutNoise } from './slice.ts';

/** Whether a slice has a confounder: in positives where it agrees with the label, in negatives where it does not. */
function isShown({ label }: PatientSpec, rng: Rng, agreement: number): boolean {
  return rng.next() < agreement === (label === 'covid');
}

/** The confounders of a slice that are not where something lies but how it is shown. */
export function hasEverywhere(scene: Scene, rng: Rng, name: Confounder, agreement: number | undefined): boolean {
  return agreement !== undefined && isShown(scene.spec, rng.fork(name), agreement);
}

/** HU of `brightness`: several times what a scanner's water may be off by. */
export const BRIGHTNESS_HU = 40;

/** As bright as metal, so that it is white in every window. */
export const LETTER_HU = 1000;
/** An R of 5 × 7 cells. */
const GLYPH = ['1111.', '1...1', '1...1', '1111.', '1.1..', '1..1.', '1...1'];

/** The letter's pixels, where the slice has one: about 20 mm high, in the upper left corner, moved a little. */
export function letterOf(
  { pictureFrame: frame, spec }: Scene,
  rng: Rng,
  agreement: number | undefined,
): number[] | undefined {
  if (agreement === undefined) return undefined;
  const shown = isShown(spec, rng, agreement);
  const cell = Math.max(1, Math.round(20 / 7 / frame.spacing));
  const [x0, y0] = [0, 1].map(() => Math.round((4 + 8 * rng.next()) / frame.spacing)) as [number, number];
  if (!shown) return undefined;
  const pixels: number[] = [];
  for (let y = 0; y < 7 * cell; y++) {
    for (let x = 0; x < 5 * cell; x++) {
      if (GLYPH[Math.floor(y / cell)]![Math.floor(x / cell)] === '1') pixels.push((y0 + y) * frame.size + x0 + x);
    }
  }
  return pixels;
}

/** HU of a table's shell. */
const TABLE_HU = -300;
/** mm: its thickness, half its width, how far it lies below the body at least and at most. */
const TABLE = { thickness: 3, half: 110, near: 3, far: 8 };
/** Between air and fat. */
const BODY_HU = -500;

/** The edge of the table where the slice has one: a shell in the air below the body, before noise. */
export function tableOf(scene: Scene, rng: Rng, agreement: number | undefined): Change | undefined {
  if (agreement === undefined) return undefined;
  const shown = isShown(scene.spec, rng, agreement);
  const gap = TABLE.near + (TABLE.far - TABLE.near) * rng.next();
  if (!shown) return undefined;
  const { size, spacing } = scene.frame;
  const clean = withoutNoise(scene, damagesOf(scene));
  let lowest = size - 1;
  while (lowest > 0 && !clean.subarray(lowest * size, (lowest + 1) * size).some(hu => hu > BODY_HU)) lowest--;
  const thick = Math.max(1, Math.round(TABLE.thickness / spacing));
  // A field of view that ends at the body's back has the table at its border.
  const first = Math.min(lowest + Math.max(1, Math.round(gap / spacing)), size - thick);
  const change = new Map<number, number>();
  const half = Math.round(TABLE.half / spacing);
  for (let y = first; y < first + thick; y++) {
    for (let x = Math.max(0, Math.floor(size / 2) - half); x < Math.min(size, size / 2 + half); x++) {
      const p = y * size + x;
      if (clean[p]! < BODY_HU) change.set(p, TABLE_HU - clean[p]!);
    }
  }
  return change;
}

/** A catheter of 12 French; its polymer is filled with barium. mm and HU, and how far it keeps from the lungs. */
const LINE = { radius: 2, hu: 800, clear: 5 };

/** Where a slice would have a central line, whether it has one or not. */
export interface CentralLine {
  readonly shown: boolean;
  /** Before noise. */
  readonly change: Change;
  /** Where nothing else is laid, so that both can be told apart. */
  readonly around: readonly number[];
}

/** A central line, cut across: a bright disc in the superior vena cava or, further down, in the right atrium. */
export function lineOf(scene: Scene, rng: Rng, agreement: number | undefined): CentralLine | undefined {
  if (agreement === undefined) return undefined;
  const { frame, anatomy, spec } = scene;
  const shown = isShown(spec, rng, agreement);
  let x = VENA_CAVA.x + uniform(rng, -3, 3);
  const y = VENA_CAVA.y + uniform(rng, -3, 3);
  const within = (mm: number): number[] => {
    const found: number[] = [];
    around(frame, x, y, mm, (p, dx, dy) => {
      if (Math.hypot(dx, dy) <= mm) found.push(p);
    });
    return found;
  };
  // The mediastinum may be narrow here: towards its middle.
  while (x < 0 && within(LINE.radius + LINE.clear).some(p => anatomy.lung[p]! > 0)) x += 1;
  const clean = withoutNoise(scene, damagesOf(scene));
  const change = new Map<number, number>();
  around(frame, x, y, LINE.radius + frame.spacing, (p, dx, dy) => {
    const cover = clamp01(0.5 + (LINE.radius - Math.hypot(dx, dy)) / frame.spacing);
    if (cover > 0) change.set(p, cover * (LINE.hu - clean[p]!));
  });
  return { shown, change, around: within(LINE.radius + 3 * frame.spacing) };
}
