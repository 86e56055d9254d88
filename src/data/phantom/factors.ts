import type { SampleFactor } from '../../core/contracts/index.ts';
import type { Rng } from '../../core/rng.ts';
import { covid } from './diseases.ts';
import { imagingOf } from './imaging.ts';
import { Lesions } from './lesions.ts';
import { type Change, placed, softTissue, total } from './places.ts';
import {
  damagesOf,
  drawScene,
  type PatientSpec,
  type PhantomSlice,
  pictureOf,
  type Scene,
  sliceTissueAt,
  withoutNoise,
} from './slice.ts';

/** Effects are exact over all subsets of the factors, so there are at most this many: 2⁵ pictures. */
export const MOST_FACTORS = 5;

export interface FactorOptions {
  /** Visible changes outside the lungs, each with the Σ|ΔHU| of a lesion, in positives and negatives alike. */
  readonly distractors: number;
  /** Probability that a burnt-in letter agrees with the label: it is there in positives, and not in negatives. */
  readonly letter?: number | undefined;
  /** Probability that the edge of the table agrees with the label in the same way. */
  readonly table?: number | undefined;
}

/** A slice whose factors can be switched off, the noise frozen. */
export interface FactoredSlice {
  readonly factors: readonly SampleFactor[];
  /** @param without names of factors. */
  render(without?: readonly string[]): PhantomSlice;
}

/**
 * A slice with its factors: the lesions (beyond what `MOST_FACTORS` leaves room for, the smallest together), distractors,
 * a letter and the table's edge. The noise is that of the picture with all factors, so that two variants differ by factors alone, save
 * where HU are cut at −1024.
 */
export function drawFactored(rng: Rng, spec: PatientSpec, slice: number, options: FactorOptions): FactoredSlice {
  const scene = drawScene(rng, spec, slice, { record: true });
  const stream = scene.stream.fork('factors');
  const letter = letterOf(scene, stream.fork('letter'), options.letter);
  const confounders = [options.letter, options.table].filter(agreement => agreement !== undefined).length;
  const room = MOST_FACTORS - options.distractors - confounders;
  const lesions = lesionFactors(scene, room);
  const distractors = distractorsOf(scene, stream.fork('distractors'), lesions, options.distractors);

  const table = tableOf(scene, stream.fork('table'), options.table);
  const changes = [...distractors, ...(table ? [{ name: 'table', change: table }] : [])];

  const cleanOf = (without: ReadonlySet<string>) => {
    const damages = damagesOf(scene, new Set(lesions.filter(l => !without.has(l.name)).flatMap(l => l.parts)));
    const clean = withoutNoise(scene, damages);
    for (const { name, change } of changes) {
      if (!without.has(name)) for (const [p, hu] of change) clean[p]! += hu;
    }
    return { damages, clean };
  };
  const imaging = imagingOf(scene, cleanOf(new Set()).clean);
  return {
    factors: [
      ...lesions.map(({ name }) => ({ name, role: 'lesion' as const })),
      ...distractors.map(({ name }) => ({ name, role: 'distractor' as const })),
      ...(letter ? [{ name: 'letter', role: 'confounder' as const }] : []),
      ...(table ? [{ name: 'table', role: 'confounder' as const }] : []),
    ],
    render(without = []) {
      const hidden = new Set(without);
      const { damages, clean } = cleanOf(hidden);
      const picture = pictureOf(scene, imaging, damages, clean);
      // Burnt in after reconstruction: it has no noise.
      if (letter && !hidden.has('letter')) for (const p of letter) picture.hu[p] = LETTER_HU;
      return picture;
    },
  };
}

export interface LesionFactor {
  readonly name: string;
  readonly parts: readonly number[];
  /** HU at each pixel that it changes. */
  readonly change: Change;
}

/** The lesions, largest Σ|ΔHU| first; those that there is no room for are the last one together. */
export function lesionFactors(scene: Scene, room: number): LesionFactor[] {
  const { lesions } = scene;
  const all = lesions.parts();
  const whole = damagesOf(scene);
  const changeOf = (parts: readonly number[]): Change => {
    const others = damagesOf(scene, new Set(all.filter(p => !parts.includes(p))));
    const change = new Map<number, number>();
    // Nothing changes where they were not laid.
    for (const p of lesions.pixelsOf(parts)) {
      const hu = sliceTissueAt(scene, whole, p) - sliceTissueAt(scene, others, p);
      if (hu !== 0) change.set(p, hu);
    }
    return change;
  };
  const single = all
    .map(part => ({ parts: [part], change: changeOf([part]) }))
    .sort((a, b) => total(b.change) - total(a.change));
  const alone = single.length > room ? single.slice(0, room - 1) : single;
  const rest = single.slice(alone.length).flatMap(({ parts }) => parts);
  const grouped = rest.length > 0 ? [...alone, { parts: rest, change: changeOf(rest) }] : alone;
  // What lies wholly under others changes nothing.
  return grouped
    .filter(({ change }) => change.size > 0)
    .map((factor, k) => ({ ...factor, name: rest.length > 0 && k === room - 1 ? 'lesions-rest' : `lesion-${k + 1}` }));
}

interface Distractor {
  readonly name: string;
  readonly change: Change;
}

/**
 * A distractor is a lesion's own change of HU, moved into soft tissue outside the lungs and of the opposite sign (a
 * darker patch there), so that shape, texture, area and Σ|ΔHU| are the lesion's. Where none of the slice's lesions fits,
 * or there is none, it is that of a lesion that the patient might have had: the label must not decide whether there is
 * a distractor.
 */
function distractorsOf(scene: Scene, rng: Rng, lesions: readonly LesionFactor[], count: number): Distractor[] {
  if (count === 0) return [];
  const free = softTissue(scene);
  const found: Distractor[] = [];
  for (const { change } of shapesFor(scene, rng.fork('lesions'), lesions)) {
    if (found.length === count) break;
    const place = placed(scene.frame, rng, change, free);
    if (!place) continue;
    // What did not fit is made up by contrast.
    const moved = new Map([...place.pixels].map(([p, hu]) => [p, (-hu * total(change)) / place.held]));
    for (const p of moved.keys()) free[p] = 0;
    found.push({ name: `distractor-${found.length + 1}`, change: moved });
  }
  return found;
}

/** The slice's own lesions, then some that the patient might have had. */
function* shapesFor(scene: Scene, rng: Rng, lesions: readonly LesionFactor[]): Iterable<LesionFactor> {
  yield* lesions;
  yield* lesionFactors(withMadeUpLesions(scene, rng), MOST_FACTORS);
}

/** The scene with lesions that the patient might have had, instead of its own. */
export function withMadeUpLesions(scene: Scene, rng: Rng): Scene {
  const lesions = new Lesions(rng.fork('draw'), scene.frame, scene.anatomy, true);
  covid(rng.fork('disease')).draw(lesions, rng.fork('own'), scene.level, scene.extent);
  return { ...scene, lesions };
}

/** As bright as metal, so that it is white in every window. */
const LETTER_HU = 1000;
/** An R of 5 × 7 cells. */
const GLYPH = ['1111.', '1...1', '1...1', '1111.', '1.1..', '1..1.', '1...1'];

/** The letter's pixels, where the slice has one: about 20 mm high, in the upper left corner, moved a little. */
function letterOf({ pictureFrame: frame, spec }: Scene, rng: Rng, agreement: number | undefined): number[] | undefined {
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

/** Whether a slice has a confounder: in positives where it agrees with the label, in negatives where it does not. */
function isShown({ label }: PatientSpec, rng: Rng, agreement: number): boolean {
  return rng.next() < agreement === (label === 'covid');
}

/** HU of a table's shell. */
const TABLE_HU = -300;
/** mm: its thickness, half its width, how far it lies below the body at least and at most. */
const TABLE = { thickness: 3, half: 110, near: 3, far: 8 };

/** The edge of the table where the slice has one: a shell in the air below the body, before noise. */
function tableOf(scene: Scene, rng: Rng, agreement: number | undefined): Change | undefined {
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

/** Between air and fat. */
const BODY_HU = -500;
