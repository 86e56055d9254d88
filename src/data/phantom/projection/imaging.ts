import { distanceTo } from '../../../core/image/distance.ts';
import { keptLast } from '../../../core/kept-last.ts';
import type { Rng } from '../../../core/rng.ts';
import { tensor } from '../../../core/tensor.ts';
import type { Imaging } from '../imaging.ts';
import { KERNELS, type Kernel, type KernelChoice } from '../scan-options.ts';
import type { Scene } from '../slice.ts';
import { attenuation } from './geometry.ts';
import { noiseOfOnePhoton, photonNoise } from './photons.ts';
import { project } from './projector.ts';
import { measured, reconstruction } from './reconstruction.ts';
import { meanOver } from './resample.ts';

/** How slices are scanned. */
export interface ProjectionOptions {
  /** `mixed`: either, drawn for each patient. */
  readonly kernel: KernelChoice;
  /** mm */
  readonly thickness: number;
  /** Photons per ray and mm of thickness, before the body; absent: as many as the patient's noise asks for. */
  readonly photons?: number | undefined;
}

/** mm of the slices whose noise patients are drawn with. */
const REFERENCE_THICKNESS = 2;
const PADDING_HU = -1024;
/**
 * mm round what changes in which the change is reconstructed. Beyond, it would be streaks of a few HU at most, far below
 * the noise, which summed over an image outweigh a small lesion: no factor could be said to be somewhere.
 */
const REACH = 20;

/**
 * Projections, photons counted, filtered back-projection. Reconstruction is linear: what photon counting adds to each ray
 * of the reference is kept, and a picture of other tissue is the reference's plus the reconstruction of the change,
 * without noise.
 */
export function projectionImaging(
  scene: Scene,
  options: ProjectionOptions,
  reference: Float64Array,
  rng: Rng,
): Imaging {
  const { frame, pictureFrame, noiseSD } = scene;
  const own = kernelOf(scene, options);
  const scanned = attenuation(reference);
  const views = project(scanned, frame);
  const photons =
    (options.photons ?? noiseOfOnePhoton(views, 'soft') ** 2 / noiseSD ** 2 / REFERENCE_THICKNESS) * options.thickness;
  const noise = photonNoise(rng, views, photons);
  const reconstructed = keptLast(2, (kernel: Kernel) => {
    const { image } = reconstruction(kernel, pictureFrame);
    return { image, whole: image(views.map((mm, k) => mm + noise[k]!)) };
  });
  /** 1 in the picture where something changes, and round it. */
  const near = (change: Float32Array): Uint8Array => {
    const touched = meanOver(change.map(Math.abs), frame, pictureFrame).map(v => (v > 0 ? 1 : 0));
    const mm = [pictureFrame.spacing, pictureFrame.spacing] as const;
    const distance = distanceTo(tensor([pictureFrame.size, pictureFrame.size], touched), mm);
    return Uint8Array.from(distance, d => (d <= REACH ? 1 : 0));
  };
  return {
    picture(tissue, sharp = false) {
      const { image, whole } = reconstructed(sharp ? 'sharp' : own);
      const change = attenuation(tissue).map((v, p) => v - scanned[p]!);
      const changed = change.some(v => v !== 0) ? image(project(change, frame), near(change)) : undefined;
      const hu = new Float32Array(whole.length).fill(PADDING_HU);
      for (let i = 0; i < pictureFrame.size; i++) {
        const [from, to] = measured(pictureFrame, pictureFrame.y0 + i * pictureFrame.spacing);
        for (let p = i * pictureFrame.size + from; p < i * pictureFrame.size + to; p++) {
          hu[p] = Math.max(-1024, 1000 * (whole[p]! + (changed?.[p] ?? 0) - 1));
        }
      }
      return hu;
    },
    onPicture: field => meanOver(field, frame, pictureFrame),
  };
}

/** The kernel that a scene is reconstructed with. */
export const kernelOf = (scene: Pick<Scene, 'kernel'>, { kernel }: ProjectionOptions): Kernel =>
  kernel === 'mixed' ? scene.kernel : kernel;

/** Which kernel a patient gets where both are mixed. */
export const drawKernel = (rng: Rng): Kernel => KERNELS[rng.int(KERNELS.length)]!;
