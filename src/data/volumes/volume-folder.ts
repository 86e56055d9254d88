import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Dataset, LoadedSample, Source, Unit } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { lungShare } from '../../core/image/lungs.ts';
import type { Tensor } from '../../core/tensor.ts';
import { fileDigests } from '../file-digests.ts';
import { type FoundFile, leftOutRemark, walkFolder } from '../files/walk.ts';
import { chooseCuts, cutOptions, planeOption } from './choose-cuts.ts';
import { withoutEnding } from './label-table.ts';
import { gridDistance, LUNG, maskOnCut, masksByName } from './mask-volume.ts';
import { createVolumeCache, readVolumeGrid, type VolumeCache, volumeKind } from './open-volume.ts';
import { assemble, labelOptions, type OfferedSlice } from './sliced-dataset.ts';
import { cutOf, cutPlace, turned, unitOf, type Volume, type VolumeGrid } from './volume.ts';

/** Options of readers whose files are volumes. */
export const volumeFolderOptions = z.strictObject({
  path: z.string().describe('A folder of volumes, or one volume, relative to the suite.'),
  ...labelOptions,
  masks: z
    .union([z.string(), z.record(z.string().min(1), z.string())])
    .optional()
    .describe('Folder, within `path`, of mask volumes named like the images; several readers as { name: folder }.'),
  maskValues: z
    .array(z.number())
    .min(1)
    .optional()
    .describe('Values of the masks that are inside. Default: all above 0.'),
  unit: z.enum(['HU', 'grey']).optional().describe('What the values are. Default: by their range.'),
  rescale: z
    .strictObject({ slope: z.number().default(1), intercept: z.number() })
    .optional()
    .describe('The file’s values × slope + intercept are what `unit` says.'),
  plane: planeOption,
  ...cutOptions,
});

type Options = z.output<typeof volumeFolderOptions>;

/** A volume file with its masks. */
interface VolumeEntry extends FoundFile {
  readonly grid: VolumeGrid;
  /** By the reader's name. */
  readonly masks: Readonly<Record<string, FoundFile>>;
}

/** Names of masks beside their image: 'ct_seg.nii.gz' of 'ct.nii.gz'. */
const MASK_ENDING = /[-_.](mask|masks|seg|segmentation|label|labels|lesion|lesions|infection|gt)$/i;
/** nnU-Net names a case's first channel so. */
const CHANNEL = /_0000$/;

/**
 * A folder of volumes as slices: each file is an exam, and a patient unless a table or pattern says otherwise.
 * @param kind Which files are taken.
 */
export async function openVolumeFolder(kind: 'nifti' | 'metaimage', o: Options, base: string): Promise<Dataset> {
  const given = resolve(base, o.path);
  const found = await stat(given).catch(() => undefined);
  if (!found) throw new CtXaiError('DATA', `data.path: there is no folder or file ${given}.`);
  const root = found.isDirectory() ? given : dirname(given);
  const leftOut: { path: string; reason: string }[] = [];
  const remarks: string[] = [];
  const listed = found.isDirectory()
    ? await listFiles(root, kind, o, leftOut, remarks)
    : [{ id: basename(given), path: given }];
  const beside = mates(listed);
  const images = listed.filter(f => !beside.has(f.id));
  const folders = await maskFolders(root, o);
  const entries: VolumeEntry[] = [];
  for (const file of images) {
    try {
      const { grid, notes } = await readVolumeGrid(file.path);
      for (const note of notes) remarks.push(`${file.id}: ${note}`);
      entries.push({ ...file, grid, masks: masksOf(file, [...beside.values()], folders) });
    } catch (cause) {
      leftOut.push({ path: file.id, reason: messageOf(cause) });
    }
  }
  if (entries.length === 0 && images.length > 0) {
    throw new CtXaiError('DATA', `${given}: none of ${images.length} volumes can be read.`, {
      hint: `${leftOut[0]?.path}: ${leftOut[0]?.reason}.`,
    });
  }
  remarks.push(...(await maskRemarks(entries, folders)));
  const cache = createVolumeCache();
  const slices: OfferedSlice[] = [];
  for (const entry of entries) slices.push(...(await slicesOf(entry, o, cache, leftOut)));
  return assemble({ root, options: o, slices, remarks, leftOut, digest: await digestOf(kind, entries, o) });
}

async function listFiles(
  root: string,
  kind: 'nifti' | 'metaimage',
  o: Options,
  leftOut: { path: string; reason: string }[],
  remarks: string[],
): Promise<FoundFile[]> {
  const masks = Object.values(readersOf(o)).map(folder => resolve(root, folder));
  const { files, leftOut: litter } = await walkFolder(root, id => masks.includes(resolve(root, id)));
  const said = leftOutRemark(litter);
  if (said) remarks.push(said);
  const other = { nifti: 'it is no NIfTI file by its name', metaimage: 'it is no MetaImage by its name' }[kind];
  for (const f of files) {
    // The voxels of a .mhd file, and tables, are no samples of their own.
    if (volumeKind(f.id) !== kind && !/\.(raw|zraw|csv|txt|md|json|pdf|xlsx?)$/i.test(f.id))
      leftOut.push({ path: f.id, reason: other });
  }
  const found = files.filter(f => volumeKind(f.id) === kind);
  if (found.length === 0) {
    throw new CtXaiError(
      'DATA',
      `${root}: no ${kind === 'nifti' ? '.nii or .nii.gz' : '.mha or .mhd'} file was found.`,
      {
        hint: 'Give the folder that holds the volumes, at any depth.',
      },
    );
  }
  return found;
}

function readersOf({ masks }: Options): Readonly<Record<string, string>> {
  if (masks === undefined) return {};
  return typeof masks === 'string' ? { mask: masks } : masks;
}

/** Files that are masks of another one beside them: 'ct_seg' where there is 'ct'. By their own id. */
function mates(files: readonly FoundFile[]): Map<string, FoundFile> {
  const stems = new Set(files.map(f => withoutEnding(f.id)));
  const isMate = (id: string) => MASK_ENDING.test(id) && stems.has(id.replace(MASK_ENDING, ''));
  return new Map(files.filter(f => isMate(withoutEnding(f.id))).map(f => [f.id, f]));
}

/** The mask files of each reader, with ids within their folder. */
async function maskFolders(root: string, o: Options): Promise<ReadonlyMap<string, readonly FoundFile[]>> {
  const out = new Map<string, readonly FoundFile[]>();
  for (const [name, folder] of Object.entries(readersOf(o))) {
    const walked = await walkFolder(resolve(root, folder)).catch(cause => {
      throw new CtXaiError(
        'DATA',
        `data.masks: the folder ${resolve(root, folder)} can't be read (${messageOf(cause)}).`,
      );
    });
    out.set(
      name,
      walked.files.filter(f => volumeKind(f.id) !== undefined),
    );
  }
  return out;
}

function masksOf(
  image: FoundFile,
  beside: readonly FoundFile[],
  folders: ReadonlyMap<string, readonly FoundFile[]>,
): Record<string, FoundFile> {
  const stem = withoutEnding(image.id);
  const names = new Set([
    stem,
    stem.replace(CHANNEL, ''),
    dirname(stem),
    basename(stem),
    basename(stem).replace(CHANNEL, ''),
  ]);
  const out: Record<string, FoundFile> = {};
  for (const [reader, files] of folders) {
    const found =
      files.find(f => withoutEnding(f.id) === stem) ??
      files.find(f => names.has(withoutEnding(f.id).replace(MASK_ENDING, '')));
    if (found) out[reader] = found;
  }
  for (const f of beside) {
    const own = withoutEnding(f.id);
    if (own.replace(MASK_ENDING, '') === stem) out[MASK_ENDING.exec(own)![1]!.toLowerCase()] = f;
  }
  return out;
}

async function maskRemarks(
  entries: readonly VolumeEntry[],
  folders: ReadonlyMap<string, readonly FoundFile[]>,
): Promise<string[]> {
  const remarks: string[] = [];
  for (const [reader, files] of folders) {
    const n = entries.filter(e => e.masks[reader]).length;
    if (n === 0) {
      throw new CtXaiError(
        'DATA',
        `data.masks: none of the ${files.length} volumes of '${reader}' is called like an image.`,
        {
          hint: `A mask has its image's name, like ${entries[0]?.id}. There is, for example, ${files[0]?.id ?? 'nothing'}.`,
        },
      );
    }
    if (n < entries.length) remarks.push(`masks of '${reader}': ${n} of ${entries.length} volumes have one`);
  }
  for (const { id, grid, masks } of entries) {
    for (const mask of Object.values(masks)) {
      const other = await readVolumeGrid(mask.path).catch(() => undefined);
      if (other && gridDistance(grid, other.grid) > 0.5) {
        remarks.push(
          `${id}: its mask ${mask.id} lies on another grid; the nearest voxel of it was taken for each pixel`,
        );
      }
    }
  }
  return remarks;
}

async function slicesOf(
  entry: VolumeEntry,
  o: Options,
  cache: VolumeCache,
  leftOut: { path: string; reason: string }[],
): Promise<OfferedSlice[]> {
  const grid = turned(entry.grid, o.plane);
  const positions = Array.from({ length: grid.shape[0] }, (_, k) => k * grid.spacing[0]);
  const width = String(grid.shape[0] - 1).length;
  const slices: OfferedSlice[] = [];
  for (const k of chooseCuts(positions, o)) {
    const id = grid.shape[0] === 1 ? entry.id : `${entry.id}/${o.plane}-${String(k).padStart(width, '0')}`;
    const load = () => loadCut(entry, grid, k, o, cache);
    if (o.only) {
      try {
        const { source, mask } = await load();
        if (o.only === 'lesion' && !mask?.data.some(v => v > 0)) continue;
        if (o.only === 'lung' && !(source.unit === 'HU' && lungShare(source.pixels) >= 0.05)) continue;
      } catch (cause) {
        leftOut.push({ path: id, reason: messageOf(cause) });
        continue;
      }
    }
    slices.push({
      id,
      where: id,
      patient: withoutEnding(entry.id),
      exam: withoutEnding(entry.id),
      hasMask: Object.keys(entry.masks).some(name => name !== LUNG),
      size: [grid.shape[1], grid.shape[2]],
      keys: { path: entry.id, slice: k },
      async load(signal) {
        signal?.throwIfAborted();
        return load();
      },
    });
  }
  return slices;
}

async function loadCut(
  entry: VolumeEntry,
  grid: VolumeGrid,
  k: number,
  o: Options,
  cache: VolumeCache,
): Promise<LoadedSample> {
  const source = await readSource(entry, k, o, cache);
  const place = { shape: [grid.shape[1], grid.shape[2]] as const, ...cutPlace(grid, k) };
  const inside = o.maskValues ? (v: number) => o.maskValues!.includes(v) : undefined;
  const masks: Record<string, Tensor> = {};
  for (const [reader, file] of Object.entries(entry.masks)) {
    masks[reader] = maskOnCut(await volumeOf(file, cache), place, inside);
  }
  return { source, ...masksByName(masks) };
}

async function readSource(entry: VolumeEntry, k: number, o: Options, cache: VolumeCache): Promise<Source> {
  const volume = scaled(await volumeOf(entry, cache), o);
  const { slope = 1, intercept = 0 } = o.rescale ?? {};
  const range = (await cache.range(entry.path)).map(v => v * slope + intercept) as [number, number];
  const unit = o.unit ?? unitFor(range, entry.id);
  const { pixels, spacing, placement } = cutOf(turned(volume, o.plane), k);
  return { pixels, unit, spacing, placement };
}

async function volumeOf(file: FoundFile, cache: VolumeCache): Promise<Volume> {
  return cache.get(file.path).catch(cause => {
    throw new CtXaiError('IMAGE', `${file.id}: ${messageOf(cause)}.`, { cause });
  });
}

function scaled(volume: Volume, { rescale }: Options): Volume {
  if (!rescale) return volume;
  const { slope, intercept } = rescale;
  return { ...volume, slope: volume.slope * slope, intercept: volume.intercept * slope + intercept };
}

function unitFor(range: readonly [number, number], id: string): Unit {
  const found = unitOf(range);
  if (found) return found;
  throw new CtXaiError('IMAGE', `${id}: values from ${range[0]} to ${range[1]} may be HU or grey levels.`, {
    hint: "Set data.unit to HU or grey, with 'rescale' if they must be shifted: { intercept: -1024 } for HU + 1024.",
  });
}

async function digestOf(kind: string, entries: readonly VolumeEntry[], o: Options): Promise<string> {
  const paths = entries.flatMap(e => [e.path, ...Object.values(e.masks).map(m => m.path)]);
  const files = await Promise.all(paths.map(async path => ({ path, size: (await stat(path)).size })));
  const digests = await fileDigests(files);
  const { path: _, ...options } = o;
  return jsonDigest([
    `${kind} 1`,
    options,
    entries.map(e => [e.id, digests.get(e.path), Object.entries(e.masks).map(([r, m]) => [r, digests.get(m.path)])]),
  ]);
}
