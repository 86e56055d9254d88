import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import type { DataReader, Dataset, LoadedSample, Placebos, Sample, Source } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError } from '../../core/errors.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { factorsWithout, NO_LESION, variantOf } from '../../core/truth/variants.ts';
import { readerOfFile } from '../detect-reader.ts';
import { fileDigests } from '../file-digests.ts';
import { openFile } from '../open-file.ts';
import { PAIR_COLUMNS, type PairedImage, readPairs } from '../pairs/read-pairs.ts';
import { type Counterfactual, coverOf, withoutSeveral } from '../pairs/without-factors.ts';
import { dicom } from './dicom.ts';
import { loadMask } from './image-masks.ts';
import { metaimage } from './metaimage.ts';
import { nifti } from './nifti.ts';
import { npy } from './npy.ts';

const options = z.strictObject({
  path: z.string().describe('The folder with the table, relative to the suite.'),
  index: z
    .string()
    .default('pairs.csv')
    .describe('CSV file in it with a row per pair: image, without; and factor, role, mask, patient, label, split.'),
  columns: z
    .strictObject(
      Object.fromEntries(PAIR_COLUMNS.map(c => [c, z.union([z.string(), z.literal(false)]).optional()])) as {
        [C in (typeof PAIR_COLUMNS)[number]]: z.ZodOptional<z.ZodUnion<[z.ZodString, z.ZodLiteral<false>]>>;
      },
    )
    .default({})
    .describe('Names of the table’s columns where they differ from these; false: the table has no such column.'),
  groups: z.array(z.string()).default([]).describe('Columns of the table that put patients into subgroups.'),
  split: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe('Only images with this split (or one of these).'),
  rescale: z
    .strictObject({ slope: z.number().default(1), intercept: z.number() })
    .optional()
    .describe('Stored values × slope + intercept are Hounsfield units, for files that do not say.'),
  unit: z.enum(['HU', 'grey']).optional().describe('What values are, where their range does not tell.'),
  spacing: z.number().positive().optional().describe('Millimetres per pixel, for files that do not say.'),
});

type Options = z.output<typeof options>;

/** Readers of the files that a table may name; pictures need none. */
const READERS = new Map<string, DataReader>([dicom, nifti, metaimage, npy].map(reader => [reader.name, reader]));

/**
 * Counterfactual pairs of anybody's making: an image, the same image without something, and a mask. What taking it away
 * does to a model's score is a fact, so that the metrics of truth and the oracle apply.
 */
export const pairs: DataReader = {
  name: 'pairs',
  title: 'Counterfactual pairs',
  summary: 'Images with the same images without a lesion (or another factor), listed in a CSV file; any file kinds.',
  options,
  async open(given, { base }) {
    const o = options.parse(given);
    const folder = resolve(base, o.path);
    const table = await readPairs(join(folder, o.index), o.index, o);
    const sizes = await Promise.all(table.files.map(async path => ({ path, size: (await stat(path)).size })));
    const digests = await fileDigests(sizes);
    const { path: _, columns, ...others } = o;
    const rest = { ...others, ...(Object.keys(columns).length > 0 ? { columns } : {}) };
    const wanted = o.split === undefined ? undefined : [o.split].flat();
    const images = table.images.filter(i => !wanted || wanted.includes(i.split ?? ''));
    const explained = images.filter(i => i.factors.length > 0 || i.placebos.length === 0);
    if (explained.length === 0) {
      throw new CtXaiError(
        'DATA',
        `${o.index}: no image ${wanted ? `has the split ${wanted.join(' or ')}` : 'is left'}.`,
      );
    }
    const placebos = placebosOf(images, o, digests);
    const none = explained.filter(i => i.factors.length === 0).length;
    return {
      name: basename(folder),
      labels: [...new Set(explained.flatMap(i => i.label ?? []))].sort(),
      digest: jsonDigest(['pairs 1', rest, table.files.map(f => [f.slice(folder.length), digests.get(f) ?? null])]),
      count: explained.length,
      ...(placebos ? { placebos } : {}),
      async *samples() {
        for (const image of explained) yield sampleOf(image, o);
      },
      remarks: [
        ...table.remarks,
        ...(none > 0 ? [`${none} of ${explained.length} images have nothing that could be taken away`] : []),
        ...(placebos ? [] : ['no placebos: a change of the log-odds by 0.1 counts as an effect, by convention']),
      ],
    } satisfies Dataset;
  },
};

function sampleOf(paired: PairedImage, o: Options): Sample {
  const { id, image, factors, masks, groups } = paired;
  const subsets = Array.from({ length: 2 ** factors.length - 1 }, (_, on) => variantOf(on, factors)!);
  const lesions = factors.some(f => f.role === 'lesion');
  return {
    id,
    patient: paired.patient,
    ...(paired.label === undefined ? {} : { label: paired.label }),
    ...(paired.split === undefined ? {} : { split: paired.split }),
    ...(Object.keys(groups).length > 0 ? { groups } : {}),
    hasMask: masks.length > 0,
    source: image,
    ...(factors.length > 0 ? { factors, variants: [...(lesions ? [NO_LESION] : []), ...subsets] } : {}),
    async load(signal, variant): Promise<LoadedSample> {
      signal?.throwIfAborted();
      const source = await sourceOf(image, o);
      const mask = masks.length > 0 ? await unionOf(masks, source, id) : undefined;
      if (variant === undefined) return { source, ...(mask ? { mask } : {}) };
      const names = factorsWithout(variant, factors);
      if (!names) throw new CtXaiError('DATA', `${id} has no variant '${variant}'.`);
      return { source: await withoutFactors(paired, names, source, o), ...(mask ? { mask } : {}) };
    },
  };
}

/** The image that the table has, or else the one that follows from those that lack fewer factors. */
async function withoutFactors(
  paired: PairedImage,
  names: readonly string[],
  whole: Source,
  o: Options,
): Promise<Source> {
  const inOrder = paired.factors.map(f => f.name).filter(name => names.includes(name));
  const files = paired.without;
  const parts = files.has(inOrder.join('+')) ? [inOrder.join('+')] : coverOf(inOrder, files.keys());
  const without: Counterfactual[] = [];
  for (const factor of parts) without.push({ factor, source: await sourceOf(files.get(factor)!, o) });
  return withoutSeveral(whole, without, paired.id);
}

async function sourceOf(
  path: string,
  { rescale, unit, spacing }: Pick<Options, 'rescale' | 'unit' | 'spacing'>,
): Promise<Source> {
  const sample = await openFile(path, READERS, { rescale, unit, spacing });
  return (await sample.load()).source;
}

/** Masks are what they are; of 0 and 1 alone no reader could tell the unit. DICOM says slope and intercept itself. */
const AS_IS = { rescale: { slope: 1, intercept: 0 } };

const PICTURE = /\.(png|jpe?g|tiff?|bmp)$/i;

async function unionOf(files: readonly string[], whole: Source, id: string): Promise<Tensor> {
  const { shape, data } = whole.pixels;
  const mask = tensor(shape, new Float32Array(data.length));
  for (const file of files) {
    const found = PICTURE.test(file)
      ? (await loadMask(file, id)).mask
      : (await sourceOf(file, (await readerOfFile(file)) === 'dicom' ? {} : AS_IS)).pixels;
    if (found.shape.join() !== shape.join()) {
      throw new CtXaiError(
        'DATA',
        `${id}: its mask ${file} has ${found.shape.join(' × ')} pixels, not ${shape.join(' × ')}.`,
      );
    }
    for (let p = 0; p < data.length; p++) if (found.data[p] !== 0) mask.data[p] = 1;
  }
  return mask;
}

function placebosOf(
  images: readonly PairedImage[],
  o: Options,
  digests: ReadonlyMap<string, string>,
): Placebos | undefined {
  const having = images.filter(i => i.placebos.length > 0);
  if (having.length === 0) return undefined;
  return {
    digest: jsonDigest(having.map(i => [i.image, ...i.placebos].map(file => digests.get(file) ?? null))),
    async *sets() {
      for (const { image, placebos } of having) {
        const copies: Source[] = [];
        for (const file of placebos) copies.push(await sourceOf(file, o));
        yield { whole: await sourceOf(image, o), placebos: copies };
      }
    },
  };
}
