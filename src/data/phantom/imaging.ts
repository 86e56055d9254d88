import { noiseIn } from './noise.ts';
import { projectionImaging } from './projection/imaging.ts';
import type { Scene } from './slice.ts';

/** How a scene's tissue becomes pictures. All of them have the noise of one reference, so that pairs differ by tissue. */
export interface Imaging {
  /** HU of a picture: of tissue on the scene's frame, before noise. */
  picture(tissue: Float64Array): Float32Array;
  /** A field on the scene's frame, as means over the picture's pixels. */
  onPicture(field: Float32Array): Float32Array;
}

/**
 * @param reference the tissue that the noise belongs to
 * @param rng what the noise is drawn from
 */
export function imagingOf(scene: Scene, reference: Float64Array, rng = scene.stream.fork('noise')): Imaging {
  if (scene.spec.projection) return projectionImaging(scene, scene.spec.projection, reference, rng);
  const noise = noiseIn(scene, reference, rng);
  return {
    picture: tissue => Float32Array.from(tissue, (v, p) => Math.max(-1024, v + noise[p]!)),
    onPicture: field => field,
  };
}
