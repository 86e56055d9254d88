import { basename, resolve } from 'node:path';
import type { Dataset, Sample, Unit } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { openPath, readerNamed } from '../../data/open-path.ts';
import { type DataSummary, summariseData } from '../../runners/data-summary.ts';

/** What was found in the data that a user named, or in the phantom that stands in for them. */
export interface FoundData {
  /** The suite's `data`: a reader and its options, without the path. */
  readonly options: { readonly use: string; readonly masks?: string };
  /** Absolute; absent for the phantom. */
  readonly path?: string;
  readonly dataset: Dataset;
  readonly summary: DataSummary;
  readonly unit: Unit;
  /** Pixels of the first image, [...spatial]. */
  readonly size?: readonly number[];
  readonly coloured: boolean;
  /** Why no image could be read. */
  readonly unread?: string;
}

/** Images that are tried until one can be read. */
const TRIED = 5;

/**
 * Opens data with the reader that its files suggest, and looks at the first image.
 * @throws CtXaiError DATA where no reader takes them
 */
export async function lookAtData(given: string | undefined, registry: Registry): Promise<FoundData> {
  const path = given === undefined ? undefined : resolve(given);
  const opened = path === undefined ? undefined : await openPath(path, registry.readers);
  const masks = opened?.options['masks'];
  const options = { use: opened?.use ?? 'phantom', ...(typeof masks === 'string' ? { masks } : {}) };
  const dataset = opened?.dataset ?? (await readerNamed('phantom', registry.readers).open({}, { base: '.' }));
  const summary = await summariseData({ dataset });
  return { options, ...(path === undefined ? {} : { path }), dataset, summary, ...(await firstImage(dataset)) };
}

async function firstImage(dataset: Dataset): Promise<Pick<FoundData, 'unit' | 'size' | 'coloured' | 'unread'>> {
  let unread: string | undefined;
  let tried = 0;
  for await (const sample of dataset.samples()) {
    if (tried++ === TRIED) break;
    try {
      const { source } = await loaded(sample);
      return { unit: source.unit, size: source.pixels.shape, coloured: source.colour !== undefined };
    } catch (error) {
      unread ??= messageOf(error);
    }
  }
  return { unit: 'grey', coloured: false, unread: unread ?? 'there are no images' };
}

function loaded(sample: Sample) {
  return sample.load();
}

/** How messages call the data. */
export function nameOfData({ path, dataset }: FoundData): string {
  return path === undefined ? 'the CT phantom' : basename(path) || dataset.name;
}
