import type { SampleFactor } from '../../core/contracts/index.ts';
import type { Rng } from '../../core/rng.ts';
import { type Agreements, CONFOUNDER_NAMES, type Confounder, NON_LOCAL } from './confounder-names.ts';
import { BRIGHTNESS_HU, hasEverywhere, LETTER_HU, letterOf, lineOf, tableOf } from './confounders.ts';
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

export interface FactorOptions extends Agreements {
  /** Visible changes outside the lungs, each with the Σ|ΔHU| of a lesion, in positives and negatives alike. */
  readonly distractors: number;
}

/** A slice whose factors can be switched off, the noise frozen. */
export interface FactoredSlice {
  readonly factors: readonly SampleFactor[];
  /** @param without names of factors. */
  render(without?: readonly string[]): PhantomSlice;
}

/**
 * A slice with its factors: the lesions (beyond what `MOST_FACTORS` leaves room for, the smallest together), distractors
 * and confounders. The noise is that of the picture with all factors, so that two variants differ by factors alone, save
 * where HU are cut at −1024.
 */
export function drawFactored(rng: Rng, spec: PatientSpec, slice: number, options: FactorOptions): FactoredSlice {
  const scene = drawScene(rng, spec, slice, { record: true });
  const stream = scene.stream.fork('factors');
  const letter = letterOf(scene, stream.fork('letter'), options.letter);
  const confounders = CONFOUNDER_NAMES.filter(name => options[name] !== undefined).length;
  const lesions = lesionFactors(scene, MOST_FACTORS - options.distractors - confounders);
  const line = lineOf(scene, stream.fork('line'), options.line);
  const free = softTissue(scene);
  for (const p of line?.around ?? []) free[p] = 0;
  const distractors = distractorsOf(scene, stream.fork('distractors'), lesions, options.distractors, free);
  const table = tableOf(scene, stream.fork('table'), options.table);
  const changes = [
    ...distractors,
    ...(table ? [{ name: 'table', change: table }] : []),
    ...(line?.shown ? [{ name: 'line', change: line.change }] : []),
  ];
  const everywhere = NON_LOCAL.filter(name => hasEverywhere(scene, stream, name, options[name]));
  const present: readonly Confounder[] = [
    ...(letter ? (['letter'] as const) : []),
    ...(table ? (['table'] as const) : []),
    ...(line?.shown ? (['line'] as const) : []),
  ];

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
      ...present.map(name => ({ name, role: 'confounder' as const })),
      ...everywhere.map(name => ({ name, role: 'confounder' as const, local: false as const })),
    ],
    render(without = []) {
      const hidden = new Set(without);
      const { damages, clean } = cleanOf(hidden);
      const shows = (name: Confounder) => everywhere.includes(name) && !hidden.has(name);
      const picture = pictureOf(scene, imaging, damages, clean, shows('sharpness'));
      // Burnt in after reconstruction: it has no noise.
      if (letter && !hidden.has('letter')) for (const p of letter) picture.hu[p] = LETTER_HU;
      // As a wrong rescale intercept would: the letter and what lies outside the scan as well.
      if (shows('brightness')) for (let p = 0; p < picture.hu.length; p++) picture.hu[p]! += BRIGHTNESS_HU;
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
function distractorsOf(
  scene: Scene,
  rng: Rng,
  lesions: readonly LesionFactor[],
  count: number,
  free: Uint8Array,
): Distractor[] {
  if (count === 0) return [];
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
