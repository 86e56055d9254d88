import { basename } from 'node:path';
import type { DataReader, Dataset, Sample, Unit } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';
import { CtXaiError } from '../core/errors.ts';
import { openPath, readerNamed, takenOptions } from '../data/open-path.ts';
import { CONFOUNDERS, type Confounder } from '../data/phantom/confounder-names.ts';
import { LABELS } from '../data/phantom/slice.ts';
import { SPLITS, type Split, splitsOf } from './splits.ts';

/** Where images come from. */
export interface DataRequest {
  /** `phantom`, or a folder or file. */
  readonly data: string;
  readonly readers: ReadonlyMap<string, DataReader>;
  /** The reader's name; absent: the one that the files suggest. */
  readonly use?: string | undefined;
  /** Options of the reader. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Another folder whose images, all of them, are the test split. */
  readonly testData?: string | undefined;
  readonly seed: string | number;
  readonly phantom: Readonly<Record<Split, number>> & {
    readonly slices: number;
    /** What is drawn into the images, and how often it agrees with the label. */
    readonly confounder?: { readonly name: Confounder; readonly agreement: number } | undefined;
  };
  /** Stored values × slope + intercept are HU. */
  readonly rescale?: { readonly slope: number; readonly intercept: number } | undefined;
  readonly patientPattern?: string | undefined;
  /** Draw the splits by patient, whatever the data says of them. */
  readonly redraw?: boolean;
}

export interface SplitSamples {
  readonly samples: readonly Sample[];
  /** Changes when the data does. */
  readonly digest: string;
}

export interface OpenedData {
  readonly splits: Readonly<Record<Split, SplitSamples>>;
  /** Labels as the data has them; sorted for folders. */
  readonly labels: readonly string[];
  readonly unit: Unit;
  /** For cards. */
  readonly description: string;
}

/** @throws CtXaiError DATA where a split would be empty. */
export async function openData(request: DataRequest): Promise<OpenedData> {
  const opened = request.data === 'phantom' ? await openPhantomSplits(request) : await openFolder(request);
  for (const split of SPLITS) {
    if (opened.splits[split].samples.length > 0) continue;
    throw new CtXaiError('DATA', `${request.data} gives no images for the split '${split}'.`, {
      hint: 'There must be some patients for each of train, val and test.',
    });
  }
  return opened;
}

async function samplesOf(dataset: Dataset): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return samples;
}

async function openPhantomSplits({ phantom: size, readers, options: given }: DataRequest): Promise<OpenedData> {
  const phantom = readerNamed('phantom', readers);
  const open = async (split: Split): Promise<SplitSamples & { about: string }> => {
    const drawn = size.confounder ? { [size.confounder.name]: size.confounder.agreement } : {};
    const options = { ...given, split, patients: size[split], slices: size.slices, ...drawn };
    const dataset = await phantom.open(takenOptions(phantom, options), { base: '.' });
    return { samples: await samplesOf(dataset), digest: dataset.digest, about: dataset.name };
  };
  const splits = { train: await open('train'), val: await open('val'), test: await open('test') };
  const counts = SPLITS.map(s => `${size[s]} ${s}`).join(', ');
  const { confounder } = size;
  const confounded = confounder
    ? `, with ${CONFOUNDERS[confounder.name]} that agrees with the label in ${100 * confounder.agreement} %`
    : '';
  return {
    splits,
    labels: LABELS,
    unit: 'HU',
    description: `Patients of the CT ${splits.train.about.replace(' (train)', '')}: ${counts}, ${size.slices} slices each${confounded}; no real images`,
  };
}

async function openFolder(request: DataRequest): Promise<OpenedData> {
  const { data, testData, rescale, patientPattern, seed, redraw, readers } = request;
  const open = async (path: string): Promise<Dataset> => {
    const options = { ...(patientPattern === undefined ? {} : { patientPattern }), ...request.options };
    return (await openPath(path, readers, { use: request.use, values: { rescale }, options })).dataset;
  };
  const dataset = await open(data);
  const test = testData === undefined ? undefined : await open(testData);
  const samples = await samplesOf(dataset);
  const members = samples.map(({ patient, label = '', split }) => ({
    patient,
    label,
    ...(split === undefined || redraw ? {} : { split }),
  }));
  const split = splitsOf(members, { seed, elsewhere: test ? ['test'] : [] });
  const part = (name: Split): SplitSamples => {
    const chosen = samples.filter((_, i) => split[i] === name);
    return { samples: chosen, digest: jsonDigest([dataset.digest, chosen.map(s => s.id)]) };
  };
  const own = { train: part('train'), val: part('val'), test: part('test') };
  const splits = test ? { ...own, test: { samples: await samplesOf(test), digest: test.digest } } : own;
  const counts = SPLITS.map(s => `${splits[s].samples.length} ${s}`).join(', ');
  return {
    splits,
    labels: [...new Set([...dataset.labels, ...(test?.labels ?? [])])].sort(),
    unit: await unitOf(samples),
    description: `Images of ${basename(data)}${redraw ? ', splits drawn anew' : ''}${test ? `, tested on ${basename(testData!)}` : ''}: ${counts}`,
  };
}

/** What the values of the first image are that can be read. @throws what reading the last one that was tried threw */
async function unitOf(samples: readonly Sample[]): Promise<Unit> {
  let error: unknown;
  for (const sample of samples.slice(0, TRIED)) {
    try {
      return (await sample.load()).source.unit;
    } catch (cause) {
      error = cause;
    }
  }
  throw error ?? new CtXaiError('DATA', 'there are no images.');
}

const TRIED = 5;
