import { keptLast } from '../../core/kept-last.ts';
import type { Rng } from '../../core/rng.ts';
import { noiseIn } from './noise.ts';
import { projectionImaging } from './projection/imaging.ts';
import type { Scene } from './slice.ts';

/** How a scene's tissue becomes pictures. All of them have the noise of one reference, so that pairs differ by tissue. */
export interface Imaging {
  /**
   * HU of a picture: of tissue on the scene's frame, before noise.
   * @param sharp with a sharp kernel instead of the scene's, on the same raw data
   */
  picture(tissue: Float64Array, sharp?: boolean): Float32Array;
  /** A field on the scene's frame, as means over the picture's pixels. */
  onPicture(field: Float32Array): Float32Array;
}

/**
 * What a sharp kernel does to drawn noise: its spectrum peaks at twice the frequency, its SD is five times as large before
 * pixels average it. Drawn edges stay as they are.
 */
const SHARP = { peak: 2, noise: 5 };

/**
 * @param reference the tissue that the noise belongs to
 * @param draws what the noise is drawn from: the same stream each time
 */
export function imagingOf(
  scene: Scene,
  reference: Float64Array,
  draws: () => Rng = () => scene.stream.fork('noise'),
): Imaging {
  if (scene.spec.projection) return projectionImaging(scene, scene.spec.projection, reference, draws());
  const noiseOf = keptLast(2, (sharp: boolean) =>
    noiseIn(
      sharp ? { ...scene, peak: SHARP.peak * scene.peak, noiseSD: SHARP.noise * scene.noiseSD } : scene,
      reference,
      draws(),
    ),
  );
  return {
    picture(tissue, sharp = false) {
      const noise = noiseOf(sharp);
      return Float32Array.from(tissue, (v, p) => Math.max(-1024, v + noise[p]!));
    },
    onPicture: field => field,
  };
}
