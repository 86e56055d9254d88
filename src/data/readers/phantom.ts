import { createHash } from 'node:crypto';
import { z } from 'zod';
import type {
  DataReader,
  Dataset,
  LoadedSample,
  PlaceboSet,
  Placebos,
  Sample,
  Source,
} from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { keptLast } from '../../core/kept-last.ts';
import { createRng, type Rng } from '../../core/rng.ts';
import { tensor } from '../../core/tensor.ts';
import { factorsWithout, NO_LESION, variantOf } from '../../core/truth/variants.ts';
import { CONFOUNDER_NAMES } from '../phantom/confounder-names.ts';
import { BRIGHTNESS_HU } from '../phantom/confounders.ts';
import { drawFactored, type FactoredSlice, MOST_FACTORS } from '../phantom/factors.ts';
import { drawPlacebos } from '../phantom/placebos.ts';
import type { ProjectionOptions } from '../phantom/projection/imaging.ts';
import { KERNEL_CHOICES, PHYSICS, type Physics } from '../phantom/scan-options.ts';
import { drawSlice, LABELS, type PatientSpec, type PhantomSlice } from '../phantom/slice.ts';

/** Raised whenever the same seed gives other pixels, so that no old run is resumed with new images. */
export const PHANTOM_VERSION: Readonly<Record<Physics, number>> = { none: 2, projection: 3 };

/** Options of the scan. */
const scanOptions = {
  physics: z
    .enum(PHYSICS)
    .default('none')
    .describe(
      "'projection' scans the body: projections, counted photons, filtered back-projection. 'none' draws noise on it, many times faster.",
    ),
  kernel: z
    .enum(KERNEL_CHOICES)
    .optional()
    .describe("For physics: projection. 'mixed' draws one for each patient, whatever the label. Default: soft."),
  thickness: z.number().min(0.5).max(10).optional().describe('For physics: projection, mm of a slice. Default: 2.'),
  photons: z
    .number()
    .min(100)
    .max(1e7)
    .optional()
    .describe(
      'For physics: projection, photons per ray and mm of thickness. Default: as many as give each patient 18 to 29 HU of noise in the middle of the body, at 2 mm with the soft kernel.',
    ),
} as const;

const fields = z.strictObject({
  seed: z.union([z.string(), z.number()]).default('phantom').describe('Another seed gives other patients.'),
  split: z
    .enum(['train', 'val', 'test'])
    .default('test')
    .describe('Splits share no patient. The bundled models were trained on `train`.'),
  patients: z.number().int().min(1).max(100_000).default(24),
  slices: z.number().int().min(1).max(64).default(2).describe('Axial slices per patient, from upper to lower lung.'),
  size: z.number().int().min(64).max(1024).default(256).describe('Pixels a side; the field of view is 315–430 mm.'),
  factors: z
    .boolean()
    .default(false)
    .describe('Offer every slice with each subset of its factors switched off, so that what a model uses is known.'),
  distractors: z
    .number()
    .int()
    .min(0)
    .max(2)
    .default(0)
    .describe("Patches in soft tissue, each with a lesion's shape and Σ|ΔHU|, that the label does not depend on."),
  letter: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('Burns a letter into the corner that agrees with the label with this probability; 0.5: no relation.'),
  table: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      "Draws the table's edge below the body, which agrees with the label with this probability; 0.5: no relation.",
    ),
  line: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'Draws a central line in the vena cava, which agrees with the label with this probability; 0.5: no relation.',
    ),
  brightness: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      `Raises all HU by ${BRIGHTNESS_HU}, in agreement with the label with this probability. It is everywhere, so that no map is scored on it.`,
    ),
  sharpness: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'Reconstructs with a sharp kernel, in agreement with the label with this probability. It is everywhere, so that no map is scored on it.',
    ),
  ...scanOptions,
});

/** The seed of patients whose placebos tell how large chance effects are: no other images are of it. */
const PLACEBO_SEED = 'placebos';

const options = fields.superRefine(({ physics, ...o }, context) => {
  if (o.seed === PLACEBO_SEED) {
    context.addIssue({
      code: 'custom',
      path: ['seed'],
      message: `'${PLACEBO_SEED}' is the seed of the patients by whom effects are told from chance; choose another`,
    });
  }
  const asked = CONFOUNDER_NAMES.filter(name => o[name] !== undefined);
  if (o.distractors + asked.length >= MOST_FACTORS) {
    context.addIssue({
      code: 'custom',
      path: [asked.at(-1)!],
      message: `distractors and confounders are at most ${MOST_FACTORS - 1} together; these are ${o.distractors + asked.length}`,
    });
  }
  if (o.sharpness !== undefined && o.kernel !== undefined && o.kernel !== 'soft') {
    context.addIssue({
      code: 'custom',
      path: ['kernel'],
      message: `sharpness decides which images have the sharp kernel, so kernel cannot be ${o.kernel}`,
    });
  }
  for (const key of ['kernel', 'thickness', 'photons'] as const) {
    if (physics !== 'none' || o[key] === undefined) continue;
    context.addIssue({ code: 'custom', path: [key], message: `${key} goes with physics: projection` });
  }
});

type Options = z.output<typeof options>;

/** What decides the patients and their anatomy. */
export type PhantomOptions = Pick<Options, 'seed' | 'split' | 'patients' | 'slices' | 'size'> & Partial<Scan>;
type Scan = Pick<Options, keyof typeof scanOptions>;

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
  const projection = scanOf(o);
  const specs: PatientSpec[] = [];
  // One of each pair of patients is positive.
  for (let patient = 0; patient < o.patients; patient += 2) {
    const first = rng.int(2);
    for (const k of [0, 1]) {
      if (patient + k >= o.patients) continue;
      const label = LABELS[first ^ k]!;
      specs.push({ seed, patient: patient + k, label, slices: o.slices, size: o.size, projection });
    }
  }
  return specs.flatMap(spec => Array.from({ length: o.slices }, (_, slice) => ({ spec, slice })));
}

/** How slices are scanned, defaults filled in; undefined: they aren't. */
function scanOf({ physics, kernel = 'soft', thickness = 2, photons }: Partial<Scan>): ProjectionOptions | undefined {
  return physics === 'projection' ? { kernel, thickness, photons } : undefined;
}

/** Draws one slice of `phantomSlices`. `lesions: false`: the same patient and noise without the disease. */
export function renderPhantom(entry: { spec: PatientSpec; slice: number }, lesions = true): PhantomSlice {
  return drawSlice(rootRng(entry.spec), entry.spec, entry.slice, lesions);
}

/** A scanned patient is the same at any size. */
const rootRng = (spec: PatientSpec): Rng =>
  createRng(spec.projection ? `phantom ${PHANTOM_VERSION.projection}` : `phantom ${PHANTOM_VERSION.none} ${spec.size}`);

/** Pixels of slices kept in memory, some 32 MB: every model of a run and its timing phase load the same ones. */
const KEPT_PIXELS = 2 ** 22;

function openPhantom(o: Options): Dataset {
  const { seed, split, patients, slices, size, factors, distractors } = o;
  const { letter, table, line, brightness, sharpness } = o;
  const agreements = { letter, table, line, brightness, sharpness };
  const scan = scanOf(o);
  const entries = phantomSlices(o);
  const factored = factors || distractors > 0 || CONFOUNDER_NAMES.some(name => o[name] !== undefined);
  const most = Math.max(1, Math.floor(KEPT_PIXELS / o.size ** 2));
  const plain = keptLast(most, (k: number) => renderPhantom(entries[k]!));
  // A slice with its factors holds some ten times as much.
  const apart = keptLast(Math.ceil(most / 10), (k: number) => {
    const { spec, slice } = entries[k]!;
    return drawFactored(rootRng(spec), spec, slice, { distractors, ...agreements });
  });
  // Which factors a slice has is asked more often than what it looks like.
  const named = new Map<number, ReturnType<typeof factorsOf>>();
  const factorsAt = (k: number) => {
    const found = named.get(k) ?? factorsOf(apart(k));
    named.set(k, found);
    return found;
  };
  const width = String(patients - 1).length;
  const name = (spec: PatientSpec) => `${o.split}-${String(spec.patient).padStart(width, '0')}`;
  // Copies: whoever loads a sample may write to it.
  const loaded = (slice: PhantomSlice): LoadedSample => ({
    source: sourceOf(slice, slice.hu.slice()),
    mask: tensor([o.size, o.size], slice.mask.slice()),
  });
  // Lazy, since a slice's factors are known only once it is drawn.
  const withFactors = (sample: Named, k: number): Sample => ({
    ...sample,
    get factors() {
      return factorsAt(k).factors;
    },
    get variants() {
      return factorsAt(k).variants;
    },
    load: async (_signal, variant) =>
      loaded(variant === undefined ? apart(k).render() : renderVariant(apart(k), variant)),
  });
  const plainSample = (sample: Named, k: number): Sample => ({
    ...sample,
    variants: [NO_LESION],
    async load(_signal, variant) {
      if (variant === undefined) return loaded(plain(k));
      if (variant === NO_LESION) return loaded(renderPhantom(entries[k]!, false));
      throw noVariant(variant);
    },
  });
  const identity = {
    ...{ seed, split, patients, slices, size },
    ...(factored ? { factors: FACTORS_VERSION, distractors, ...agreements } : {}),
    ...(scan ? { scan } : {}),
  };
  return {
    name: scan ? `phantom v${PHANTOM_VERSION.projection} (${split}), ${scanName(scan)}` : `phantom (${split})`,
    labels: LABELS,
    digest: createHash('sha256')
      .update(JSON.stringify([PHANTOM_VERSION[o.physics], identity]))
      .digest('hex')
      .slice(0, 16),
    count: entries.length,
    ...(factored ? { placebos: placebosOf(o) } : {}),
    async *samples() {
      for (const [k, { spec, slice }] of entries.entries()) {
        const sample = {
          id: `${name(spec)}/slice-${slice}`,
          patient: name(spec),
          label: spec.label,
          split: o.split,
          hasMask: true,
          source: `phantom ${o.seed}, ${name(spec)}, slice ${slice}`,
        };
        yield factored ? withFactors(sample, k) : plainSample(sample, k);
      }
    },
  };
}

/** Raised whenever other placebos are drawn. */
const PLACEBOS_VERSION = 1;
/** Patients whose placebos are drawn, and placebos of each: over a thousand, by which a 99th percentile is known. */
const PLACEBO = { patients: 70, each: 16 };

/** Of patients of a seed of their own: neither among the samples nor among those that models were trained on. */
function placebosOf(o: Options): Placebos {
  const { size } = o;
  const patients = { ...o, seed: PLACEBO_SEED, split: 'test', patients: PLACEBO.patients, slices: 1 } as const;
  const scan = scanOf(o);
  const scanned = scan ? `, ${JSON.stringify(scan)}` : '';
  return {
    digest: `phantom ${PHANTOM_VERSION[o.physics]}, placebos ${PLACEBOS_VERSION}, ${size} pixels${scanned}`,
    sets: () => placeboSets(patients),
  };
}

async function* placeboSets(patients: PhantomOptions): AsyncIterable<PlaceboSet> {
  for (const { spec, slice } of phantomSlices(patients)) {
    const drawn = drawPlacebos(rootRng(spec), spec, slice, PLACEBO.each);
    yield { whole: sourceOf(drawn, drawn.hu), placebos: drawn.placebos.map(hu => sourceOf(drawn, hu)) };
  }
}

function sourceOf({ spacing, scan }: Pick<PhantomSlice, 'spacing' | 'scan'>, hu: Float32Array): Source {
  const size = Math.sqrt(hu.length);
  return {
    ...{ pixels: tensor([size, size], hu), unit: 'HU', spacing: [spacing, spacing] },
    ...(scan && { acquisition: scan }),
  };
}

/** In words: 'soft kernel, 2 mm'. */
function scanName({ kernel, thickness, photons }: ProjectionOptions): string {
  const dose = photons === undefined ? '' : `, ${photons} photons per ray and mm`;
  return `${kernel === 'mixed' ? 'mixed kernels' : `${kernel} kernel`}, ${thickness} mm${dose}`;
}

type Named = Omit<Sample, 'factors' | 'variants' | 'load'>;

/** Raised whenever the same seed gives other factors. */
const FACTORS_VERSION = 1;

function factorsOf({ factors }: FactoredSlice): Required<Pick<Sample, 'factors' | 'variants'>> {
  const subsets = Array.from({ length: 2 ** factors.length - 1 }, (_, on) => variantOf(on, factors)!);
  return { factors, variants: [NO_LESION, ...subsets] };
}

function renderVariant(slice: FactoredSlice, variant: string): PhantomSlice {
  const without = factorsWithout(variant, slice.factors);
  if (!without) throw noVariant(variant);
  return slice.render(without);
}

function noVariant(variant: string): CtXaiError {
  return new CtXaiError('DATA', `the phantom has no variant '${variant}' of this slice.`, {
    hint: "'no-lesion' is always there; with 'factors: true' also 'without:' and names of factors.",
  });
}
