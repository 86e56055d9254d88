import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { z } from 'zod';
import type { DataReader, Dataset, Sample } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError } from '../../core/errors.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { fileDigests } from '../file-digests.ts';
import { decodeImage } from '../pixels/decode.ts';
import { sourceOf } from '../pixels/source.ts';
import { COLUMNS, type ImageEntry, readIndex, scanFolders } from './image-index.ts';

const spacing = z.number().positive();

const options = z.strictObject({
  path: z.string().describe('The folder, relative to the suite.'),
  index: z.string().optional().describe('CSV file in it with one row per image. Default: index.csv if there is one.'),
  images: z.string().default('.').describe("Folder, within `path`, that the file column's paths start from."),
  masks: z.string().optional().describe('Folder, within `path`, of masks named like the images.'),
  columns: z
    .strictObject(
      Object.fromEntries(COLUMNS.map(c => [c, z.string().optional()])) as {
        [C in (typeof COLUMNS)[number]]: z.ZodOptional<z.ZodString>;
      },
    )
    .default({})
    .describe('Names of the index’s columns where they differ from file, label, split, patient, mask, spacing.'),
  split: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe('Only rows with this split (or one of these).'),
  label: z.string().optional().describe('The label of all images, where they have none of their own.'),
  patientPattern: z
    .string()
    .optional()
    .describe('Regular expression on the relative path; its first group is the patient. For folders with no column.'),
  spacing: z
    .union([spacing, z.tuple([spacing, spacing])])
    .optional()
    .describe('Millimetres per pixel, one number or [rows, columns], where the index has none.'),
  rescale: z
    .strictObject({ slope: z.number().default(1), intercept: z.number() })
    .optional()
    .describe('Stored values × slope + intercept are Hounsfield units. Absent: grey levels 0…255.'),
});

type Options = z.output<typeof options>;

/**
 * A folder of images with `index.csv`, or with one subfolder per class. Grey levels are 0…255 (16-bit files are scaled
 * to that, fractions kept), or HU where `rescale` is set. A mask's pixels above 0 are inside. Without a patient column
 * or pattern every image is a patient of its own.
 */
export const imageFolder: DataReader = {
  name: 'image-folder',
  title: 'Folder of images',
  summary: 'PNG, JPEG, TIFF or BMP files listed in index.csv, or in one subfolder per class.',
  options,
  async open(given, { base }) {
    const o = options.parse(given);
    const root = resolve(base, o.path);
    if (!(await isFolder(root))) {
      throw new CtXaiError('DATA', `data.path: there is no folder ${root}.`, {
        hint: 'Give a folder with index.csv, or with one subfolder per class; paths start from the suite file.',
      });
    }
    const index = o.index ?? (existsSync(resolve(root, 'index.csv')) ? 'index.csv' : undefined);
    const split = typeof o.split === 'string' ? [o.split] : o.split;
    if (index === undefined && split) {
      throw new CtXaiError('DATA', `data.split: ${root} has no index.csv, so its images have no split.`);
    }
    const listed =
      index === undefined
        ? await scanFolders(root)
        : await readIndex({ root, index, images: o.images, columns: o.columns, ...(split ? { split } : {}) });
    const entries = listed.map(entry => complete(entry, o, root));
    if (entries.length === 0) throw new CtXaiError('DATA', `${resolve(root, index!)}: the index has no rows.`);
    refuseDuplicates(entries);
    return asDataset(basename(root), entries, await digestOf(entries, o), o);
  },
};

type Entry = ImageEntry & { readonly patient: string };

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    s => s.isDirectory(),
    () => false,
  );
}

/** The entry with what the options say of all images. */
function complete(entry: ImageEntry, o: Options, root: string): Entry {
  const maskPath = entry.maskPath ?? (o.masks === undefined ? undefined : resolve(root, o.masks, entry.id));
  const all = typeof o.spacing === 'number' ? ([o.spacing, o.spacing] as const) : o.spacing;
  return {
    ...entry,
    patient: entry.patient ?? patientOf(entry, o.patientPattern),
    ...(entry.label === undefined && o.label !== undefined ? { label: o.label } : {}),
    ...(entry.spacing === undefined && all ? { spacing: all } : {}),
    // An image need not have a mask where masks are found by name.
    ...(maskPath !== undefined && (entry.maskPath || existsSync(maskPath)) ? { maskPath } : {}),
  };
}

function patientOf(entry: ImageEntry, pattern: string | undefined): string {
  if (pattern === undefined) return entry.id;
  let found: string | undefined;
  try {
    found = new RegExp(pattern, 'u').exec(entry.id)?.[1];
  } catch (cause) {
    throw new CtXaiError('DATA', `data.patientPattern: '${pattern}' is not a regular expression.`, { cause });
  }
  if (found === undefined) {
    throw new CtXaiError('DATA', `data.patientPattern: '${pattern}' finds no patient in '${entry.id}'.`, {
      hint: "It needs a group, like '^[^/]+/(P[0-9]+)'.",
    });
  }
  return found;
}

function refuseDuplicates(entries: readonly Entry[]): void {
  const seen = new Map<string, Entry>();
  for (const entry of entries) {
    const other = seen.get(entry.id);
    if (other) throw new CtXaiError('DATA', `two rows have the same file: ${other.where}; ${entry.where}.`);
    seen.set(entry.id, entry);
  }
}

/** @throws CtXaiError DATA naming files that are missing */
async function digestOf(entries: readonly Entry[], o: Options): Promise<string> {
  const files: { path: string; size: number }[] = [];
  const missing: string[] = [];
  for (const entry of entries) {
    for (const path of [entry.path, entry.maskPath]) {
      if (path === undefined) continue;
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile()) files.push({ path, size: found.size });
      else missing.push(`${entry.where}${path === entry.maskPath ? ' (mask)' : ''}: there is no file ${path}`);
    }
  }
  if (missing.length > 0) {
    const more = missing.length > 5 ? `\n… and ${missing.length - 5} more` : '';
    throw new CtXaiError('DATA', `${missing.length} files are missing:\n${missing.slice(0, 5).join('\n')}${more}`, {
      hint: "Check the index's file column, and 'images', the folder that its paths start from.",
    });
  }
  const digests = await fileDigests(files);
  return jsonDigest([
    'image-folder 1',
    o.rescale ?? null,
    entries.map(e => [e.id, e.label, e.patient, e.spacing, digests.get(e.path), e.maskPath && digests.get(e.maskPath)]),
  ]);
}

function asDataset(name: string, entries: readonly Entry[], digest: string, o: Options): Dataset {
  const labels = new Set(entries.flatMap(e => e.label ?? []));
  return {
    name,
    labels: [...labels].sort(),
    digest,
    count: entries.length,
    async *samples() {
      for (const entry of entries) yield asSample(entry, o);
    },
  };
}

function asSample(entry: Entry, o: Options): Sample {
  return {
    id: entry.id,
    patient: entry.patient,
    ...(entry.label === undefined ? {} : { label: entry.label }),
    ...(entry.split === undefined ? {} : { split: entry.split }),
    hasMask: entry.maskPath !== undefined,
    source: entry.where,
    async load(signal) {
      signal?.throwIfAborted();
      const source = sourceOf(await decodeImage(entry.path, entry.where), {
        rescale: o.rescale,
        spacing: entry.spacing,
      });
      if (entry.maskPath === undefined) return { source };
      signal?.throwIfAborted();
      return { source, mask: await loadMask(entry.maskPath, entry, source.pixels.shape) };
    },
  };
}

async function loadMask(path: string, entry: Entry, shape: readonly number[]): Promise<Tensor> {
  const { stored } = await decodeImage(path, `${entry.where}, mask ${path}`);
  const [h, w] = stored.shape;
  if (h !== shape[0] || w !== shape[1]) {
    throw new CtXaiError(
      'IMAGE',
      `${entry.where}: the mask ${path} is ${w} × ${h}, the image ${shape[1]} × ${shape[0]}.`,
    );
  }
  return tensor(
    stored.shape,
    stored.data.map(v => (v > 0 ? 1 : 0)),
  );
}
