import type { Rng } from '../../core/rng.ts';
import { type Anatomy, drawAnatomy, drawHabitus } from './anatomy.ts';
import { covid, otherDisease } from './diseases.ts';
import { type BodyFrame, gaussian, uniform } from './frame.ts';
import { type Imaging, imagingOf } from './imaging.ts';
import { type Damage, Lesions } from './lesions.ts';
import { OBJECT_FRAME } from './projection/geometry.ts';
import { drawKernel, kernelOf, type ProjectionOptions } from './projection/imaging.ts';
import type { Kernel } from './scan-options.ts';
import { drawTree, type Tree } from './vessels.ts';

export const LABELS = ['non-covid', 'covid'] as const;
export type PhantomLabel = (typeof LABELS)[number];

/** How a patient was scanned; drawn without knowledge of the label. */
export interface Acquisition {
  /** mm of the field of view. */
  readonly fov: number;
  readonly shiftX: number;
  readonly shiftY: number;
  /** SD in soft tissue, HU, before pixels average it. */
  readonly noise: number;
  /** Peak of the noise power spectrum, cycles/mm: the kernel's sharpness. */
  readonly peak: number;
}

export function drawAcquisition(rng: Rng, halfWidth: number): Acquisition {
  return {
    fov: gaussian(rng, 2 * halfWidth + 4, 10, 315, 430),
    shiftX: gaussian(rng, 0, 5, -14, 14),
    shiftY: gaussian(rng, 6, 5, -8, 18),
    noise: uniform(rng, 18, 29),
    peak: uniform(rng, 0.2, 0.3),
  };
}

export interface PhantomSlice {
  /** HU, [size, size]; −1024 at the least. */
  readonly hu: Float32Array;
  /** 1 where COVID-19 lesions cover more than half of a pixel; all zero in negatives. */
  readonly mask: Float32Array;
  readonly lung: Float32Array;
  readonly spacing: number;
  readonly disease: string;
  /** How it was scanned, where it was. */
  readonly scan?: { readonly kernel: Kernel; readonly thicknessMm: number };
}

export interface PatientSpec {
  readonly seed: string;
  readonly patient: number;
  readonly label: PhantomLabel;
  readonly slices: number;
  readonly size: number;
  /** The slice is scanned and reconstructed; absent: it is drawn with noise on it. */
  readonly projection?: ProjectionOptions | undefined;
}

/** A plane of a slice: its anatomy and vessels before disease. */
export interface ScenePlane {
  readonly anatomy: Anatomy;
  readonly tree: Tree;
  /** mm from the slice's middle. */
  readonly dz: number;
}

/** All that one slice is composed of. */
export interface Scene {
  readonly spec: PatientSpec;
  /** The grid that it is drawn on. */
  readonly frame: BodyFrame;
  /** The grid of its pictures. */
  readonly pictureFrame: BodyFrame;
  /** In the slice's middle. */
  readonly anatomy: Anatomy;
  /** The slice is the mean of these; one of them is its middle. */
  readonly planes: readonly ScenePlane[];
  readonly lesions: Lesions;
  readonly disease: string;
  /** SD in soft tissue, HU. */
  readonly noiseSD: number;
  /** Cycles per mm at which the noise's spectrum peaks. */
  readonly peak: number;
  /** The patient's, where kernels are mixed. */
  readonly kernel: Kernel;
  /** mm² of lung that a disease would take. */
  readonly extent: number;
  /** 0 at the apices, 1 at the bases. */
  readonly level: number;
  /** The slice's random stream. */
  readonly stream: Rng;
}

/**
 * One axial slice in HU. Each part draws from its own stream, so that the same patient without lesions has the same
 * anatomy and the same noise realisation.
 * @param lesions `false` draws the patient's slice as it would be without disease.
 */
export function drawSlice(rng: Rng, spec: PatientSpec, slice: number, lesions = true): PhantomSlice {
  // A scan's noise is that of the patient as scanned, lesions or not.
  const scene = drawScene(rng, spec, slice, { lesions: lesions || spec.projection !== undefined });
  const whole = damagesOf(scene);
  const reference = withoutNoise(scene, whole);
  const imaging = imagingOf(scene, reference);
  if (lesions || !spec.projection) return pictureOf(scene, imaging, whole, reference);
  const healthy = damagesOf(scene, new Set());
  return pictureOf(scene, imaging, healthy, withoutNoise(scene, healthy));
}

/** @param record keeps the lesions' parts apart, so that they can be left out one by one. */
export function drawScene(
  rng: Rng,
  spec: PatientSpec,
  slice: number,
  { lesions = true, record = false }: { readonly lesions?: boolean; readonly record?: boolean } = {},
): Scene {
  const patient = rng.fork(spec.seed, 'patient', spec.patient);
  const habitus = drawHabitus(patient.fork('habitus'));
  const acquisition = drawAcquisition(patient.fork('acquisition'), habitus.halfWidth);
  const diseaseRng = patient.fork('disease', spec.label);
  const disease = spec.label === 'covid' ? covid(diseaseRng) : otherDisease(diseaseRng);
  // Positives and other diseases draw their extent from one distribution.
  const extent = Math.exp(gaussian(patient.fork('extent'), Math.log(2100), 0.65, Math.log(350), Math.log(9000)));

  const stream = patient.fork('slice', slice);
  const level = 0.24 + (0.62 * (slice + stream.fork('level').next())) / spec.slices;
  const spacing = acquisition.fov / spec.size;
  const half = acquisition.fov / 2;
  const pictureFrame: BodyFrame = {
    size: spec.size,
    spacing,
    x0: -half + spacing / 2 + acquisition.shiftX,
    y0: -half + spacing / 2 + acquisition.shiftY,
  };
  const frame = spec.projection ? OBJECT_FRAME : pictureFrame;
  const anatomy = drawAnatomy(stream.fork('anatomy'), frame, habitus, level);
  const planes = offsetsOf(spec.projection).map(dz => {
    const its = dz === 0 ? anatomy : drawAnatomy(stream.fork('anatomy'), frame, habitus, level, dz);
    const plane = spec.projection ? { anatomy: its, dz } : undefined;
    return { anatomy: its, tree: drawTree(stream.fork('vessels'), frame, anatomy, habitus.vessels, plane), dz };
  });
  const damage = new Lesions(stream.fork('lesions'), frame, anatomy, record || planes.length > 1);
  if (lesions && disease) {
    const own = stream.fork('disease');
    disease.draw(damage, own, level, extent * uniform(own, 0.6, 1.4));
  }
  return {
    ...{ spec, frame, pictureFrame, anatomy, planes, lesions: damage, extent, level, stream },
    disease: disease?.name ?? 'normal',
    noiseSD: acquisition.noise,
    peak: acquisition.peak,
    kernel: drawKernel(patient.fork('kernel')),
  };
}

/** mm from the slice's middle of the planes that it is the mean of: an odd number, about one a mm. */
function offsetsOf(projection: ProjectionOptions | undefined): number[] {
  if (!projection) return [0];
  const count = 2 * Math.floor(projection.thickness / 2) + 1;
  return Array.from({ length: count }, (_, k) => ((k - (count - 1) / 2) / count) * projection.thickness);
}

/** What some parts of the lesions do in each plane; absent: all of them. */
export function damagesOf({ lesions, planes }: Scene, parts?: ReadonlySet<number>): Damage[] {
  const shown = parts ?? new Set(lesions.parts());
  return planes.map(({ dz }) => (dz === 0 && !parts ? lesions : lesions.only(shown, dz)));
}

/** HU of the scene with this damage in its planes, before noise. */
export function withoutNoise({ planes, frame }: Scene, damages: readonly Damage[]): Float64Array {
  const out = new Float64Array(frame.size ** 2);
  planes.forEach((plane, k) => {
    for (let p = 0; p < out.length; p++) out[p]! += tissueAt(plane, damages[k]!, p);
  });
  if (planes.length > 1) for (let p = 0; p < out.length; p++) out[p]! /= planes.length;
  return out;
}

/** HU of one pixel, before noise. */
export function sliceTissueAt({ planes }: Scene, damages: readonly Damage[], p: number): number {
  return planes.reduce((sum, plane, k) => sum + tissueAt(plane, damages[k]!, p), 0) / planes.length;
}

function tissueAt({ anatomy, tree }: ScenePlane, { cover, hu, veil }: Damage, p: number): number {
  const { vessel, wall, lumen } = tree;
  const lung = anatomy.lung[p]!;
  let v: number = anatomy.hu[p]!;
  v += cover[p]! * lung * (hu[p]! - v);
  v += vessel[p]! * (1 - veil[p]!) * (42 - v);
  v += lung * wall[p]! * 0.6 * (-60 - v);
  v += lung * lumen[p]! * (1 - 0.25 * veil[p]!) * (-960 - v);
  return v;
}

/**
 * @param tissue HU on the scene's frame, before noise
 * @param sharp with a sharp kernel instead of the scene's
 */
export function pictureOf(
  scene: Scene,
  imaging: Imaging,
  damages: readonly Damage[],
  tissue: Float64Array,
  sharp = false,
): PhantomSlice {
  const { planes, pictureFrame, spec, disease } = scene;
  const mask =
    spec.label === 'covid'
      ? imaging
          .onPicture(meanOfPlanes(planes, ({ anatomy: { lung } }, p, k) => damages[k]!.cover[p]! * lung[p]!))
          .map(share => (share > 0.5 ? 1 : 0))
      : new Float32Array(pictureFrame.size ** 2);
  return {
    hu: imaging.picture(tissue, sharp),
    mask,
    lung: imaging.onPicture(meanOfPlanes(planes, ({ anatomy }, p) => anatomy.lung[p]!)),
    spacing: pictureFrame.spacing,
    disease,
    ...(spec.projection && {
      scan: { kernel: sharp ? 'sharp' : kernelOf(scene, spec.projection), thicknessMm: spec.projection.thickness },
    }),
  };
}

/** A quantity of the planes, averaged over the slice's thickness. */
export function meanOfPlanes(
  planes: readonly ScenePlane[],
  at: (plane: ScenePlane, p: number, k: number) => number,
): Float32Array {
  const out = new Float32Array(planes[0]!.anatomy.lung.length);
  planes.forEach((plane, k) => {
    for (let p = 0; p < out.length; p++) out[p]! += at(plane, p, k) / planes.length;
  });
  return out;
}
