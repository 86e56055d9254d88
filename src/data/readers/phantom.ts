import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { DataReader, Dataset, Sample } from '../../core/contracts/index.ts';
import { createRng, type Rng } from '../../core/rng.ts';
import { tensor } from '../../core/tensor.ts';
import { drawSlice, LABELS, type PatientSpec, type PhantomSlice } from '../phantom/slice.ts';

/** Raised whenever the same seed gives other pixels, so that no old run is resumed with new images. */
export const PHANTOM_VERSION = 2;

const options = z.strictObject({
  seed: z.union([z.string(), z.number()]).default('phantom').describe('Another seed gives other patients.'),
  split: z
    .enum(['train', 'val', 'test'])
    .default('test')
    .describe('Splits share no patient. The bundled models were trained on `train`.'),
  patients: z.number().int().min(1).max(100_000).default(24),
  slices: z.number().int().min(1).max(64).default(2).describe('Axial slices per patient, from upper to lower lung.'),
  size: z.number().int().min(64).max(1024).default(256).describe('Pixels a side; the field of view is 315–430 mm.'),
});

export type PhantomOptions = z.output<typeof options>;

/**
 * Synthetic axial chest CT in HU: half the patients with COVID-type lesions (exact masks), half without, of whom
 * 60 % have another disease of the same densities and extent. Nothing is read from disk.
 */
export const phantom: DataReader = {
  name: 'phantom',
  title: 'CT phantom',
  summary: 'Synthetic axial chest CT in HU from a seed, with exact masks of the lesions; needs no files.',
  options,
  open: async given => openPhantom(options.parse(given)),
};

/** The patients of a phantom split, as `{ spec, slice }` in order. */
export function phantomSlices(o: PhantomOptions): { spec: PatientSpec; slice: number }[] {
  const seed = `${o.seed}/${o.split}`;
  const rng = createRng(seed).fork('labels');
  const specs: PatientSpec[] = [];
  // One of each pair of patients is positive.
  for (let patient = 0; patient < o.patients; patient += 2) {
    const first = rng.int(2);
    for (const k of [0, 1]) {
      if (patient + k < o.patients) {
        specs.push({ seed, patient: patient + k, label: LABELS[first ^ k]!, slices: o.slices, size: o.size });
      }
    }
  }
  return specs.flatMap(spec => Array.from({ length: o.slices }, (_, slice) => ({ spec, slice })));
}

/** Draws one slice of `phantomSlices`. `lesions: false`: the same patient and noise without the disease. */
export function renderPhantom(entry: { spec: PatientSpec; slice: number }, lesions = true): PhantomSlice {
  return drawSlice(rootRng(entry.spec), entry.spec, entry.slice, lesions);
}

const rootRng = (spec: PatientSpec): Rng => createRng(`phantom ${PHANTOM_VERSION} ${spec.size}`);

/** Pixels of slices kept in memory, some 32 MB: every model of a run and its timing phase load the same ones. */
const KEPT_PIXELS = 2 ** 22;

function openPhantom(o: PhantomOptions): Dataset {
  const entries = phantomSlices(o);
  const kept = new Map<number, PhantomSlice>();
  const most = Math.max(1, Math.floor(KEPT_PIXELS / o.size ** 2));
  /** The slices used last are at the map's end. */
  const drawnOnce = (k: number): PhantomSlice => {
    const slice = kept.get(k) ?? renderPhantom(entries[k]!);
    kept.delete(k);
    kept.set(k, slice);
    if (kept.size > most) kept.delete(kept.keys().next().value!);
    return slice;
  };
  const width = String(o.patients - 1).length;
  const name = (spec: PatientSpec) => `${o.split}-${String(spec.patient).padStart(width, '0')}`;
  return {
    name: `phantom (${o.split})`,
    labels: LABELS,
    digest: createHash('sha256')
      .update(JSON.stringify([PHANTOM_VERSION, o]))
      .digest('hex')
      .slice(0, 16),
    count: entries.length,
    async *samples() {
      for (const [k, { spec, slice }] of entries.entries()) {
        const sample: Sample = {
          id: `${name(spec)}/slice-${slice}`,
          patient: name(spec),
          label: spec.label,
          split: o.split,
          hasMask: true,
          source: `phantom ${o.seed}, ${name(spec)}, slice ${slice}`,
          async load() {
            const { hu, mask, spacing } = drawnOnce(k);
            const shape = [o.size, o.size];
            // Copies: whoever loads a sample may write to it.
            return {
              source: { pixels: tensor(shape, hu.slice()), unit: 'HU', spacing: [spacing, spacing] },
              mask: tensor(shape, mask.slice()),
            };
          },
        };
        yield sample;
      }
    },
  };
}
