import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Dataset, Sample, SampleFactor, Source } from '../../core/contracts/index.ts';
import { tensor } from '../../core/tensor.ts';
import { regionOf } from '../../core/truth/regions.ts';
import { variantWithout } from '../../core/truth/variants.ts';
import { dicomOfSlice, wholeHU } from '../dicom/write-slice.ts';
import { niftiOfMap } from '../volumes/write-nifti.ts';
import type { PairFormat } from './pair-formats.ts';
import { PAIR_COLUMNS } from './read-pairs.ts';
import { coverOf, withoutSeveral } from './without-factors.ts';

export type PairCell = string | number;

/** The lines of the tables, headers first. */
export interface WrittenPairs {
  /** What `data: { use: pairs }` reads. */
  readonly pairs: readonly (readonly PairCell[])[];
  /** What each factor changes. */
  readonly factors: readonly (readonly PairCell[])[];
}

export interface WriteOptions {
  /** NIfTI (default) has the values as they are, DICOM whole HU. */
  readonly format?: PairFormat;
  readonly placebos?: boolean;
  readonly signal?: AbortSignal;
  /** Called after each image. */
  readonly progress?: (done: number) => void;
}

/**
 * Writes a data set with factors as NIfTI files (float32, one slice each) or DICOM files (whole HU): every image, the image without each factor,
 * and the image without several factors where that does not follow from those without one; masks; and on demand the
 * placebos. Returns the tables that go with the files.
 */
export async function writePairs(
  dataset: Dataset,
  dir: string,
  { format = 'nifti', placebos = false, signal, progress }: WriteOptions = {},
): Promise<WrittenPairs> {
  const pairs: PairCell[][] = [];
  const factors: PairCell[][] = [];
  const save = saver(dir, format);
  let done = 0;
  for await (const sample of asStored(dataset, format).samples()) {
    signal?.throwIfAborted();
    const rows = await writeSample(sample, save, signal);
    pairs.push(...rows.pairs);
    factors.push(...rows.factors);
    progress?.(++done);
  }
  if (placebos && dataset.placebos) {
    let patient = 0;
    for await (const { whole, placebos: copies } of dataset.placebos.sets()) {
      signal?.throwIfAborted();
      const name = `placebos/patient-${String(patient).padStart(3, '0')}`;
      const image = await save(name, whole, 'phantom');
      for (const [k, copy] of copies.entries()) {
        const file = await save(`${name}.copy-${String(k).padStart(2, '0')}`, copy, 'placebo');
        pairs.push([image, file, `placebo-${k}`, 'placebo', '', `placebo-${patient}`, '', '', '']);
      }
      patient++;
    }
  }
  return {
    pairs: [[...PAIR_COLUMNS], ...pairs],
    factors: [['image', 'factor', 'role', 'sum_abs_hu', 'pixels', 'row', 'column'], ...factors],
  };
}

type Save = (name: string, source: Source, what: string) => Promise<string>;

/** Writes an image and gives its path within the folder. */
function saver(dir: string, format: PairFormat): Save {
  return async (name, source, what) => {
    const file = `${name}.${format === 'dicom' ? 'dcm' : 'nii.gz'}`;
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), format === 'dicom' ? dicomOf(source, name, what) : niftiOf(source, what));
    return file;
  };
}

const niftiOf = (source: Source, what: string): Uint8Array => niftiOfMap(source.pixels, placed(source), what);

/** Each file is a series of its own, so that viewers do not stack an image and its counterfactuals. */
function dicomOf({ pixels, spacing = [1, 1], acquisition }: Source, name: string, description: string): Uint8Array {
  const [down, right] = spacing as [number, number];
  const patient = name.split('/')[1] ?? name;
  const said = (key: string) => acquisition?.[key];
  const [thicknessMm, kernel] = [Number(said('thicknessMm')) || undefined, said('kernel')?.toString()];
  const facts = { patient, series: name, number: 1, spacing: [down, right], description, thicknessMm, kernel } as const;
  return dicomOfSlice(pixels, facts);
}

/** A data set as files of a format hold it: DICOM in whole HU, so that effects are those of what is written. */
export function asStored(dataset: Dataset, format: PairFormat): Dataset {
  if (format === 'nifti') return dataset;
  const whole = (source: Source): Source => ({
    ...source,
    pixels: tensor(source.pixels.shape, source.pixels.data.map(wholeHU)),
  });
  return {
    ...dataset,
    async *samples() {
      for await (const sample of dataset.samples()) {
        const load: Sample['load'] = async (signal, variant) => {
          const loaded = await sample.load(signal, variant);
          return { ...loaded, source: whole(loaded.source) };
        };
        yield { ...sample, load };
      }
    },
  };
}

/** With a place in space, so that every reader takes rows and columns for what they are: the image's centre is 0. */
function placed(source: Source): Source {
  if (source.placement || !source.spacing) return source;
  const [h, w] = source.pixels.shape as [number, number];
  const [down, right] = source.spacing as [number, number];
  const origin = [(-right * (w - 1)) / 2, (-down * (h - 1)) / 2, 0] as const;
  return {
    ...source,
    placement: {
      origin,
      axes: [
        [0, 1, 0],
        [1, 0, 0],
      ],
    },
  };
}

async function writeSample(
  sample: Sample,
  save: Save,
  signal?: AbortSignal,
): Promise<{ pairs: PairCell[][]; factors: PairCell[][] }> {
  const { id, patient, label = '', split = '', factors = [] } = sample;
  const whole = await sample.load(signal);
  const image = await save(`images/${id}`, whole.source, 'phantom');
  const inside = whole.mask?.data.some(v => v !== 0) ?? false;
  const mask = inside ? await save(`masks/${id}`, { ...whole.source, pixels: whole.mask! }, 'mask') : '';
  if (factors.length === 0) return { pairs: [[image, '', '', '', mask, patient, label, split, '']], factors: [] };

  const load = async (variant: string) => (await sample.load(signal, variant)).source;
  const row = (file: string, { name, role, local }: SampleFactor) => [
    ...[image, file, name, role],
    ...[role === 'lesion' ? mask : '', patient, label, split],
    local === false ? 'no' : 'yes',
  ];
  const pairs: PairCell[][] = [];
  const about: PairCell[][] = [];
  const known = new Map<string, Source>();
  const keep = async (names: readonly string[], first: SampleFactor, source: Source): Promise<void> => {
    const name = names.join('+');
    known.set(name, source);
    pairs.push(row(await save(`images/${id}.without-${name}`, source, 'phantom'), { ...first, name }));
  };
  for (const factor of factors) {
    const { name, role, local } = factor;
    const source = await load(variantWithout([name]));
    await keep([name], factor, source);
    about.push([image, name, role, ...changeOf(whole.source, source, local)]);
  }
  for (const names of severalOf(factors.map(f => f.name))) {
    const source = await load(variantWithout(names));
    if (!follows(whole.source, names, known, source)) {
      await keep(names, factors.find(f => f.name === names[0])!, source);
    }
  }
  return { pairs, factors: about };
}

/** Subsets of two names or more, small ones first. */
function severalOf(names: readonly string[]): string[][] {
  const subsets = Array.from({ length: 2 ** names.length }, (_, bits) => names.filter((_, j) => bits & (1 << j)));
  return subsets.filter(s => s.length > 1).sort((a, b) => a.length - b.length);
}

/** Whether the image without several factors is what readers put together themselves from what is known. */
function follows(whole: Source, names: readonly string[], known: ReadonlyMap<string, Source>, real: Source): boolean {
  const without = coverOf(names, known.keys()).map(factor => ({ factor, source: known.get(factor)! }));
  try {
    const { data } = withoutSeveral(whole, without, '').pixels;
    return data.every((v, p) => v === real.pixels.data[p]);
  } catch {
    return false;
  }
}

/** Σ|ΔHU|, and the size and centre of the region that the change makes; no centre where there is no region. */
function changeOf(whole: Source, without: Source, local = true): PairCell[] {
  const change = whole.pixels.data.map((v, p) => v - without.pixels.data[p]!);
  const sum = change.reduce((total, v) => total + Math.abs(v), 0);
  const region = local ? regionOf(change) : undefined;
  if (!region) return [sum, '', '', ''];
  const [, w] = whole.pixels.shape as [number, number];
  const inside = [...tensor(whole.pixels.shape, region).data.keys()].filter(p => region[p] === 1);
  const mean = (of: (p: number) => number) => inside.reduce((total, p) => total + of(p), 0) / inside.length;
  return [sum, inside.length, mean(p => Math.floor(p / w)), mean(p => p % w)];
}
