import { basename } from 'node:path';
import { parsingAsync } from '../core/boundary.ts';
import type { DataReader, Sample } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { readerOfFile } from './detect-reader.ts';
import { readerNamed, type ValueOptions, valueOptions } from './open-path.ts';
import { decodeImage } from './pixels/decode.ts';
import { BITS_HINT, maybeTwelveBits, sourceOf } from './pixels/source.ts';

/** How one file is opened. */
export interface OpenFileOptions extends ValueOptions {
  /** Which of its slices, from 0; default: the only one, or the middle one. */
  readonly slice?: number | undefined;
  /** Reads the file in place of the reader that its kind suggests. */
  readonly use?: string | undefined;
}

/**
 * One file of any known kind as a sample: pictures, DICOM, NIfTI, MetaImage and NumPy arrays, by what its first bytes
 * say. Of a file with several slices the one that is asked for, or the middle one.
 * @throws CtXaiError IMAGE or DATA if it can't be read, or has no such slice; USAGE if no reader takes it.
 */
export async function openFile(
  path: string,
  readers: ReadonlyMap<string, DataReader>,
  options: OpenFileOptions = {},
): Promise<Sample> {
  const name = options.use ?? (await readerOfFile(path));
  if (name === undefined || name === 'image-folder' || name === 'picture') return picture(path, options);
  const reader = readerNamed(name, readers);
  const dataset = await parsingAsync({ code: 'DATA', what: `${path}: it can't be read by '${name}'` }, () =>
    reader.open({ path, ...EVERYTHING[name], ...valueOptions(name, options) }, { base: '.' }),
  );
  const wanted = options.slice ?? Math.floor((dataset.count - 1) / 2);
  let k = 0;
  for await (const sample of dataset.samples()) if (k++ === wanted) return sample;
  throw new CtXaiError('DATA', `${basename(path)} has ${dataset.count} slices; there is no slice ${wanted}.`, {
    hint: `Slices are counted from 0 to ${dataset.count - 1}.`,
  });
}

/** A file that was asked for by its name is read, whatever it is. */
const EVERYTHING: Readonly<Record<string, object>> = {
  dicom: { include: ['localisers', 'secondary-captures', 'other-modalities'] },
};

function picture(path: string, { rescale, spacing, bits }: OpenFileOptions): Sample {
  const id = basename(path);
  return {
    id,
    patient: id,
    hasMask: false,
    source: path,
    async load(signal) {
      signal?.throwIfAborted();
      const decoded = await decodeImage(path);
      if (!rescale && bits === undefined && maybeTwelveBits(decoded)) {
        throw new CtXaiError('IMAGE', `${path} has no value above 4095 of 65535: as 16 bits it is nearly black.`, {
          hint: BITS_HINT,
        });
      }
      const sides = spacing === undefined ? undefined : ([spacing, spacing] as const);
      return { source: sourceOf(decoded, { rescale, bits, spacing: sides }, path) };
    },
  };
}
