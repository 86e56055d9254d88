import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { DataReader, Dataset, Unit } from '../core/contracts/index.ts';
import { CtXaiError, nearest } from '../core/errors.ts';
import { detectReader } from './detect-reader.ts';

export interface OpenPathOptions {
  /** The reader's name. Default: the one that takes most of the files, by their first bytes. */
  readonly use?: string | undefined;
  /** Options of the reader. A folder of masks that is found by its name is added. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** What the files' values are, whatever the reader. */
  readonly values?: ValueOptions;
}

/** Data as a command was given it, and how a suite would name it. */
export interface OpenedPath {
  readonly dataset: Dataset;
  readonly use: string;
  /** The reader's options, without the path. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * The data in a folder or file, with the reader that is named, or else the one that its files suggest. Pictures are
 * opened as a folder only: `openFile` opens one.
 * @throws CtXaiError USAGE if no reader has that name or it refuses the options; DATA if no reader takes the files
 */
export async function openPath(
  path: string,
  readers: ReadonlyMap<string, DataReader>,
  { use: named, options: given = {}, values = {} }: OpenPathOptions = {},
): Promise<OpenedPath> {
  const detected = named === undefined ? await detectReader(path) : undefined;
  const use = named ?? detected!.use;
  const reader = readerNamed(use, readers);
  if (use === 'image-folder' && (await stat(path).catch(() => undefined))?.isFile()) {
    throw new CtXaiError('DATA', `${path} is one picture.`, { hint: 'Give the folder that it lies in.' });
  }
  const options = {
    ...(detected?.masks === undefined ? {} : { masks: detected.masks }),
    ...valueOptions(use, values),
    ...given,
  };
  const taken = takenOptions(reader, { path: resolve(path), ...options });
  return { dataset: await reader.open(taken, { base: process.cwd() }), use, options };
}

/** Options as a reader takes them, defaults filled in. @throws CtXaiError USAGE where it refuses them */
export function takenOptions(reader: DataReader, given: Readonly<Record<string, unknown>>): unknown {
  const parsed = reader.options.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = (parsed.error as z.ZodError).issues;
  throw new CtXaiError('USAGE', `the reader '${reader.name}' does not take these options: ${issue!.message}.`, {
    hint: `'ct-xai list data --name ${reader.name}' says what it takes.`,
  });
}

/** @throws CtXaiError USAGE with the nearest name */
export function readerNamed(name: string, readers: ReadonlyMap<string, DataReader>): DataReader {
  const found = readers.get(name);
  if (found) return found;
  const near = nearest(name, [...readers.keys()]);
  throw new CtXaiError('USAGE', `no data reader is called '${name}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}There are: ${[...readers.keys()].join(', ')}.`,
  });
}

/** What the values of files are, as commands are told it, in the options of a reader. */
export function valueOptions(
  use: string,
  { rescale, unit, spacing, plane, bits }: ValueOptions,
): Readonly<Record<string, unknown>> {
  const takesUnit = ['nifti', 'metaimage', 'npy'].includes(use);
  return {
    ...(rescale ? { rescale, ...(takesUnit ? { unit: 'HU' } : {}) } : {}),
    ...(unit && takesUnit ? { unit } : {}),
    ...(plane !== undefined && (use === 'nifti' || use === 'metaimage') ? { plane } : {}),
    ...(spacing !== undefined && (use === 'npy' || use === 'image-folder') ? { spacing } : {}),
    ...(bits !== undefined && use === 'image-folder' ? { bits } : {}),
  };
}

export interface ValueOptions {
  /** Stored values × slope + intercept are Hounsfield units. */
  readonly rescale?: { readonly slope: number; readonly intercept: number } | undefined;
  /** What the values of arrays and volumes are, where their range does not tell. */
  readonly unit?: Unit | undefined;
  /** Millimetres per pixel, for files that do not say. */
  readonly spacing?: number | undefined;
  /** Bits that a 16-bit picture uses. */
  readonly bits?: number | undefined;
  /** How a volume is cut. */
  readonly plane?: 'axial' | 'coronal' | 'sagittal' | undefined;
}
