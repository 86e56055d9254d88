import type { Rng } from '../../core/rng.ts';
import { TEXTURE_HU, TEXTURE_MM } from './anatomy.ts';
import { lesionFactors, MOST_FACTORS, withMadeUpLesions } from './factors.ts';
import { smoothField } from './frame.ts';
import { imagingOf } from './imaging.ts';
import { placed, softTissue } from './places.ts';
import {
  damagesOf,
  drawScene,
  type PatientSpec,
  type PhantomSlice,
  pictureOf,
  type Scene,
  withoutNoise,
} from './slice.ts';

/** A slice, and copies of it that differ by chance alone. */
export interface PlaceboSlice extends Pick<PhantomSlice, 'spacing' | 'scan'> {
  /** HU of each pixel. */
  readonly hu: Float32Array;
  readonly placebos: readonly Float32Array[];
}

/** Places that are looked at for one placebo. */
const TRIES = 40;

/**
 * Placebos of a slice: regions of a lesion's shape in healthy lung and, every second one, in soft tissue, where noise and
 * the lung's texture are drawn again. What a classifier makes of them is chance. There may be fewer than `count` where
 * little healthy tissue is left.
 */
export function drawPlacebos(rng: Rng, spec: PatientSpec, slice: number, count: number): PlaceboSlice {
  const scene = drawScene(rng, spec, slice, { record: true });
  const stream = scene.stream.fork('placebos');
  const damages = damagesOf(scene);
  const clean = withoutNoise(scene, damages);
  const imaging = imagingOf(scene, clean);
  const { hu, spacing, scan } = pictureOf(scene, imaging, damages, clean);
  const again = drawnAgain(scene, stream, clean);
  const made = withMadeUpLesions(scene, stream.fork('lesions'));
  const shapes = [...lesionFactors(scene, MOST_FACTORS), ...lesionFactors(made, MOST_FACTORS)];
  const tissues = [healthyLung(scene), softTissue(scene)];
  const places = stream.fork('places');
  /** Pixels of the picture that are within a region of the scene by more than half. */
  const within = (region: Iterable<number>): number[] => {
    const field = new Float32Array(scene.frame.size ** 2);
    for (const p of region) field[p] = 1;
    const shares = imaging.onPicture(field);
    return [...shares.keys()].filter(p => shares[p]! > 0.5);
  };
  const placebos: Float32Array[] = [];
  for (let k = 0; k < count && shapes.length > 0; k++) {
    const { change } = shapes[(k >> 1) % shapes.length]!;
    const place = placed(scene.frame, places, change, tissues[k % 2]!, TRIES);
    if (!place) continue;
    const placebo = hu.slice();
    for (const p of within(place.pixels.keys())) placebo[p] = again[p]!;
    placebos.push(placebo);
  }
  return { hu, placebos, spacing, ...(scan && { scan }) };
}

/** The whole picture with other noise and, in the lung, other texture. */
function drawnAgain(scene: Scene, rng: Rng, clean: Float64Array): Float32Array {
  const other = clean.slice();
  for (const { anatomy, dz } of scene.planes) {
    const texture = smoothField(rng.fork('texture'), scene.frame, TEXTURE_MM, dz);
    for (let p = 0; p < other.length; p++) {
      other[p]! += (TEXTURE_HU * anatomy.lung[p]! * (texture[p]! - anatomy.texture[p]!)) / scene.planes.length;
    }
  }
  return imagingOf(scene, other, () => rng.fork('noise')).picture(other);
}

/** 1 where there is lung without disease, 2 mm and more from the pleura. */
function healthyLung({ anatomy, lesions }: Scene): Uint8Array {
  return Uint8Array.from(anatomy.lung, (share, p) =>
    share === 1 && anatomy.depth[p]! > 2 && lesions.cover[p] === 0 ? 1 : 0,
  );
}
