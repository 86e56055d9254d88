import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { Dataset, Sample } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError } from '../../core/errors.ts';
import { cutOptions } from '../volumes/choose-cuts.ts';

/** A public data set as its authors give it away. */
export interface CollectionFacts {
  readonly name: string;
  /** Where to get it. */
  readonly from: string;
  /** As its authors state it. */
  readonly licence: string;
  /** Whether this reader was tried on the files themselves, or only on small ones of the same layout. */
  readonly tried: boolean;
}

/** A sentence for lists of readers. */
export function collectionSummary(what: string, { from, licence, tried }: Omit<CollectionFacts, 'name'>): string {
  return `${what} Get it from ${from}; licence: ${licence}. ${tried ? 'Tried on real files.' : 'Untried on the real files.'}`;
}

export const pathOption = z
  .string()
  .describe('The folder of the collection as it was unpacked, relative to the suite.');

export const splitOption = z
  .union([z.string(), z.array(z.string()).min(1)])
  .optional()
  .describe('Only images of this split of the authors (or of these).');

/** Options of collections of volumes. */
export const volumeCollection = z.strictObject({ path: pathOption, ...cutOptions });

/** @throws CtXaiError DATA where there is no such folder, with where to get the collection */
export async function collectionFolder(base: string, path: string, { name, from }: CollectionFacts): Promise<string> {
  const root = resolve(base, path);
  if ((await stat(root).catch(() => undefined))?.isDirectory()) return root;
  throw new CtXaiError('DATA', `data.path: there is no folder ${root}.`, { hint: `Get '${name}' from ${from}.` });
}

/** What a collection's own layout says of a sample; absent: what the reader of its files said. */
export type SampleFacts = Partial<Pick<Sample, 'label' | 'patient' | 'split' | 'groups'>>;

/**
 * A data set under the collection's name with what its layout says of each sample.
 * @param factsOf undefined leaves the sample out
 */
export async function asCollection(
  dataset: Dataset,
  facts: CollectionFacts,
  factsOf: (sample: Sample) => SampleFacts | undefined = () => ({}),
  remarks: readonly string[] = [],
): Promise<Dataset> {
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) {
    const own = factsOf(sample);
    if (own) samples.push({ ...sample, ...own });
  }
  if (samples.length === 0) {
    throw new CtXaiError('DATA', `no image of '${facts.name}' is left.`, { hint: 'Check path and split of the data.' });
  }
  const labels = [...new Set(samples.flatMap(s => s.label ?? []))].sort();
  const said = samples.map(s => [s.id, s.label ?? null, s.patient, s.split ?? null, s.groups ?? null]);
  const untried = facts.tried ? [] : [`the reader '${facts.name}' is untried on the real files: compare the counts`];
  return {
    ...dataset,
    name: facts.name,
    labels,
    digest: jsonDigest([facts.name, dataset.digest, said]),
    count: samples.length,
    remarks: [...untried, ...remarks, ...(dataset.remarks ?? [])],
    async *samples() {
      yield* samples;
    },
  };
}

/** Whether a sample's split is among those that were asked for. */
export function wantedSplit(asked: string | readonly string[] | undefined, split: string | undefined): boolean {
  return asked === undefined || [asked].flat().includes(split ?? '');
}
