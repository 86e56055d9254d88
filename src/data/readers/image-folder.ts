import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { z } from 'zod';
import type { DataReader, Dataset, Sample } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { Tensor } from '../../core/tensor.ts';
import { fileDigests } from '../file-digests.ts';
import { findingColumns, namesOfFindings } from '../files/columns.ts';
import { type DecodeOptions, decodeImage } from '../pixels/decode.ts';
import { maxPixels } from '../pixels/limit.ts';
import { createMemoryGate } from '../pixels/memory-gate.ts';
import { BITS_HINT, maybeTwelveBits, sourceOf } from '../pixels/source.ts';
import { patientBy } from '../volumes/sliced-dataset.ts';
import { COLUMNS, type ImageEntry, type ListedImages, readIndex, scanFolders } from './image-index.ts';
import { loadMask, lookAtMasks, type MatchedMasks, matchMasks } from './image-masks.ts';

const spacing = z.number().positive();

const options = z.strictObject({
  path: z.string().describe('The folder, relative to the suite.'),
  index: z.string().optional().describe('CSV file in it with one row per image. Default: index.csv if there is one.'),
  images: z.string().default('.').describe("Folder, within `path`, that the file column's paths start from."),
  masks: z.string().optional().describe('Folder, within `path`, of masks named like the images, with any ending.'),
  columns: z
    .strictObject(
      Object.fromEntries(COLUMNS.map(c => [c, z.union([z.string(), z.literal(false)]).optional()])) as {
        [C in (typeof COLUMNS)[number]]: z.ZodOptional<z.ZodUnion<[z.ZodString, z.ZodLiteral<false>]>>;
      },
    )
    .default({})
    .describe(
      'Names of the index’s columns where they differ from file, label, split, patient, mask, spacing; false: the ' +
        'index has no such column.',
    ),
  findings: findingColumns,
  groups: z
    .array(z.string())
    .default([])
    .describe('Columns of the index that put patients into subgroups: age band, sex, site, vendor, kernel.'),
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
  bits: z
    .int()
    .min(9)
    .max(16)
    .optional()
    .describe('Bits that 16-bit files use: 12 makes 4095 white. Default: all 16, once a file is seen to use them.'),
  maxPixels,
});

type Options = z.output<typeof options>;

/**
 * A folder of images with `index.csv`, or with one subfolder per class. Grey levels are 0…255 (16-bit files are scaled
 * to that, fractions kept), or HU where `rescale` is set or a file has values below 0. Of masks see `readMask`. Without a
 * patient column or pattern every image is a patient of its own.
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
    if (index === undefined && o.findings) {
      throw new CtXaiError('DATA', `data.findings: ${root} has no index.csv with columns of findings.`);
    }
    const listed =
      index === undefined
        ? await scanFolders(root, o.masks)
        : await readIndex({
            root,
            index,
            images: o.images,
            columns: o.columns,
            groups: o.groups,
            findings: o.findings,
            ...(split ? { split } : {}),
          });
    if (listed.entries.length === 0) throw new CtXaiError('DATA', `${resolve(root, index!)}: the index has no rows.`);
    return openImages(root, listed, o);
  },
};

/** Images that were listed, as a data set. @throws CtXaiError DATA where two have one id, or files are missing */
export async function openImages(root: string, listed: ListedImages, given: Partial<Options>): Promise<Dataset> {
  const o = { ...options.parse({ path: root }), ...given };
  refuseDuplicates(listed.entries);
  const masks = o.masks === undefined ? undefined : await matchMasks(root, o.masks, listed.entries);
  const entries = listed.entries.map(entry => complete(entry, o, masks));
  const digest = await digestOf(root, entries, o);
  const remarks = [
    ...listed.remarks,
    ...(masks?.remarks ?? []),
    ...(await lookAtMasks(entries.flatMap(e => e.maskPath ?? []))),
    ...(await lookAtDepth(entries, o)),
  ];
  return { ...asDataset(basename(root), entries, digest, o), remarks };
}

type Entry = ImageEntry & { readonly patient: string };

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    s => s.isDirectory(),
    () => false,
  );
}

/** The entry with what the options say of all images. */
function complete(entry: ImageEntry, o: Options, masks: MatchedMasks | undefined): Entry {
  // An image need not have a mask where masks are found by name.
  const maskPath = entry.maskPath ?? masks?.of.get(entry.id);
  const all = typeof o.spacing === 'number' ? ([o.spacing, o.spacing] as const) : o.spacing;
  return {
    ...entry,
    patient:
      entry.patient ?? (o.patientPattern === undefined ? entry.id : patientBy(o.patientPattern, entry.id, entry.id)),
    ...(entry.label === undefined && o.label !== undefined ? { label: o.label } : {}),
    ...(entry.spacing === undefined && all ? { spacing: all } : {}),
    ...(maskPath === undefined ? {} : { maskPath }),
  };
}

function refuseDuplicates(entries: readonly ImageEntry[]): void {
  const seen = new Map<string, ImageEntry>();
  for (const entry of entries) {
    const other = seen.get(entry.id);
    if (other) throw new CtXaiError('DATA', `two rows have the same file: ${other.where}; ${entry.where}.`);
    seen.set(entry.id, entry);
  }
}

/** @throws CtXaiError DATA naming files that are missing */
async function digestOf(root: string, entries: readonly Entry[], o: Options): Promise<string> {
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
      hint: await hintForMissing(root, entries, o.images),
    });
  }
  const digests = await fileDigests(files);
  return jsonDigest([
    'image-folder 2',
    o.rescale ?? null,
    o.bits ?? null,
    entries.map(e => [
      e.id,
      e.label,
      e.patient,
      e.spacing,
      digests.get(e.path),
      e.maskPath && digests.get(e.maskPath),
      e.groups,
      ...(e.findings ? [e.findings] : []),
    ]),
  ]);
}

/** Where files of these names are, if they lie one folder deeper. */
async function hintForMissing(root: string, entries: readonly Entry[], images = '.'): Promise<string> {
  const inside = relative(resolve(root, images), entries[0]?.path ?? root);
  const folders: string[] = [];
  for (const found of await readdir(root, { withFileTypes: true }).catch(() => [])) {
    if (!found.isDirectory()) continue;
    const file = await stat(resolve(root, found.name, inside)).catch(() => undefined);
    if (file?.isFile()) folders.push(found.name);
  }
  const general = "Check the index's file column, and 'images', the folder that its paths start from.";
  if (folders.length === 0) return general;
  const named = folders.map(f => `'${f}'`).join(', ');
  return `Files of these names lie in ${named}: write images: and the folder of the images, and masks: and that of the masks.`;
}

function asDataset(name: string, entries: readonly Entry[], digest: string, o: Options): Dataset {
  const labels = new Set(entries.flatMap(e => e.label ?? []));
  const decoding = { maxPixels: o.maxPixels, gate: createMemoryGate() };
  return {
    name,
    labels: [...labels].sort(),
    ...(o.findings ? { findings: namesOfFindings(o.findings) } : {}),
    digest,
    count: entries.length,
    async *samples() {
      for (const entry of entries) yield asSample(entry, o, decoding);
    },
  };
}

function asSample(entry: Entry, o: Options, decoding: DecodeOptions): Sample {
  return {
    id: entry.id,
    patient: entry.patient,
    ...(entry.label === undefined ? {} : { label: entry.label }),
    ...(entry.findings ? { findings: entry.findings } : {}),
    ...(entry.split === undefined ? {} : { split: entry.split }),
    ...(entry.groups === undefined ? {} : { groups: entry.groups }),
    hasMask: entry.maskPath !== undefined,
    source: entry.where,
    async load(signal) {
      signal?.throwIfAborted();
      const decoded = await decodeImage(entry.path, entry.where, decoding);
      const source = sourceOf(decoded, { rescale: o.rescale, bits: o.bits, spacing: entry.spacing }, entry.where);
      if (entry.maskPath === undefined) return { source };
      signal?.throwIfAborted();
      return { source, mask: await maskOf(entry, source.pixels.shape, decoding) };
    },
  };
}

async function maskOf({ maskPath, where }: Entry, shape: readonly number[], decoding: DecodeOptions): Promise<Tensor> {
  const { mask } = await loadMask(maskPath!, where, decoding);
  const [h, w] = mask.shape;
  if (h !== shape[0] || w !== shape[1]) {
    throw new CtXaiError(
      'IMAGE',
      `${where}: the mask ${maskPath} is ${w} × ${h}, the image ${shape[1]} × ${shape[0]}.`,
    );
  }
  return mask;
}

/** Files that are decoded to learn which values they use. */
const LOOKED_AT = 24;

/**
 * Looks at some files, spread over all, for pixels that are not 8 bits of grey.
 * @throws CtXaiError DATA where 16-bit files use 12 bits at most, and nothing says what that means.
 */
async function lookAtDepth(entries: readonly Entry[], o: Options): Promise<string[]> {
  const step = Math.max(1, entries.length / LOOKED_AT);
  const some = Array.from({ length: Math.min(LOOKED_AT, entries.length) }, (_, i) => entries[Math.floor(i * step)]!);
  let [wide, dark, signed] = [0, 0, 0];
  for (const { path, where } of some) {
    // A file that can't be read is a failure of its image, later.
    const found = await decodeImage(path, where, { maxPixels: o.maxPixels }).catch(() => undefined);
    if (found?.type === 'signed') signed++;
    if (found?.type !== 'unsigned' || found.maximum !== 65535) continue;
    wide++;
    if (maybeTwelveBits(found)) dark++;
  }
  if (wide > 0 && dark === wide && !o.rescale && o.bits === undefined) {
    throw new CtXaiError(
      'DATA',
      `the 16-bit files have no value above 4095 of 65535: as 16 bits they are nearly black.`,
      {
        hint: BITS_HINT,
      },
    );
  }
  const notes =
    signed > 0 && !o.rescale ? ['files with values below 0 were taken for Hounsfield units as they are'] : [];
  if (dark > 0 && !o.rescale && o.bits === undefined) {
    notes.push(
      `${dark} of ${wide} 16-bit files that were looked at have no value above 4095 of 65535: they were read as very dark ` +
        'pictures. If they hold 12 bits, keep them in a folder of their own, with bits: 12',
    );
  }
  return notes;
}
