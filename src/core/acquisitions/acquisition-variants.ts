import type { Dataset, LoadedSample, Sample, Source } from '../contracts/index.ts';
import { jsonDigest } from '../digest.ts';
import { gaussianBlur } from '../image/blur.ts';
import { bodyOf } from '../image/lungs.ts';
import { resizeBilinear } from '../image/resize.ts';
import { sidesOf } from '../image/sides.ts';
import { ctNoise, noiseLevel } from '../perturbation/noise.ts';
import { createRng } from '../rng.ts';
import { planar, type Tensor, tensor } from '../tensor.ts';

/** Standard deviation of the blur that a kernel is softened by, and that its sharpening takes off. */
const KERNEL_MM = 0.7;
const SHARPENING = 0.8;
/** Values around which a window is made wider or narrower. */
const CENTRE = { HU: -400, grey: 127.5 } as const;

type Change = (source: Source, seed: string) => Tensor;

/**
 * What scanners and pipelines do to a slice, by the variant's name. `dose: d`: noise as if a share d of the dose had been
 * given (variance of the image's own noise ÷ d), coloured as a scanner's. `kernel: smooth` and `kernel: sharp`: blurred
 * by 0.7 mm, or 0.8 times the difference from that added. `window: wide` and `window: narrow`: contrasts around −400 HU
 * (or mid-grey) times 0.85 and 1.15. `spacing: coarse`: resampled to pixels of 1.5 times the side, and back.
 */
const CHANGES: Readonly<Record<string, Change>> = {
  'dose: 0.5': (source, seed) => atDose(source, 0.5, seed),
  'dose: 0.25': (source, seed) => atDose(source, 0.25, seed),
  'kernel: smooth': ({ pixels, spacing }) => smoothed(pixels, spacing),
  'kernel: sharp'({ pixels, spacing }) {
    const soft = smoothed(pixels, spacing).data;
    return changed(pixels, (v, i) => v + SHARPENING * (v - soft[i]!));
  },
  'window: wide': ({ pixels, unit }) => changed(pixels, v => CENTRE[unit] + 0.85 * (v - CENTRE[unit])),
  'window: narrow': ({ pixels, unit }) => changed(pixels, v => CENTRE[unit] + 1.15 * (v - CENTRE[unit])),
  'spacing: coarse'({ pixels }) {
    const [h, w] = planar(pixels.shape);
    const coarse = [Math.max(1, Math.round(h / 1.5)), Math.max(1, Math.round(w / 1.5))] as const;
    return resizeBilinear(resizeBilinear(pixels, coarse, { antialias: true }), [h, w], { antialias: true });
  },
};

export const ACQUISITIONS: readonly string[] = Object.keys(CHANGES);

/**
 * The same data, whose slices may also be had as other scanners and pipelines would have made them: what
 * `acquisition-stability` compares. Masks stay. Pictures lose their colours in these versions, since they are made of
 * grey levels; volumes have none.
 */
export function withAcquisitions(dataset: Dataset): Dataset {
  return {
    ...dataset,
    digest: jsonDigest([dataset.digest, 'acquisitions 1']),
    async *samples() {
      for await (const sample of dataset.samples()) yield offering(sample);
    },
  };
}

function offering(sample: Sample): Sample {
  const own = sample.variants ?? [];
  const added = ACQUISITIONS.filter(name => !own.includes(name));
  return {
    ...sample,
    variants: [...own, ...added],
    async load(signal, variant): Promise<LoadedSample> {
      if (variant === undefined || !added.includes(variant)) return sample.load(signal, variant);
      const { source, ...rest } = await sample.load(signal);
      const { colour: _, ...grey } = source;
      const pixels = CHANGES[variant]!(source, `acquisition ${sample.id}`);
      return { ...rest, source: { ...grey, pixels: inRange(pixels, source.unit) } };
    },
  };
}

function atDose(source: Source, dose: number, seed: string): Tensor {
  const { pixels, unit } = source;
  const spacing = sidesOf(pixels, source.spacing);
  const body = bodyOf(pixels, unit, () => changed(pixels, v => v / 255));
  const added = noiseLevel(pixels, body) * Math.sqrt(1 / dose - 1);
  const field = ctNoise(pixels.shape, spacing, createRng(seed).fork('dose')).data;
  return changed(pixels, (v, i) => v + added * field[i]!);
}

function smoothed(pixels: Tensor, spacing: Source['spacing']): Tensor {
  const [rows, columns] = sidesOf(pixels, spacing);
  return gaussianBlur(pixels, [KERNEL_MM / rows, KERNEL_MM / columns], { border: 'nearest' });
}

function changed({ shape, data }: Tensor, change: (v: number, i: number) => number): Tensor {
  return tensor(shape, data.map(change));
}

/** Grey levels stay within 0…255. */
function inRange(pixels: Tensor, unit: Source['unit']): Tensor {
  return unit === 'HU' ? pixels : changed(pixels, v => Math.min(255, Math.max(0, v)));
}
