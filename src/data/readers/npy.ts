import { stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { z } from 'zod';
import type { DataReader, LoadedSample } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { type NpyArray, npyTexts, readNpy } from '../../core/npy.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { fileDigests } from '../file-digests.ts';
import { type FoundFile, leftOutRemark, walkFolder } from '../files/walk.ts';
import { arrayUnit, calledIn, imageAt, keepLast, readArrayFiles, readArrays, stackOf } from '../volumes/array-file.ts';
import { withoutEnding } from '../volumes/label-table.ts';
import { notANumber } from '../volumes/mask-volume.ts';
import { assemble, labelOptions, type OfferedSlice } from '../volumes/sliced-dataset.ts';

const spacing = z.number().positive();

const options = z.strictObject({
  path: z.string().describe('A folder of .npy and .npz files, or one of them, relative to the suite.'),
  ...labelOptions,
  images: z
    .string()
    .optional()
    .describe('The images’ name in .npz archives. Default: images, image, x, data or arr_0.'),
  labels: z.string().optional().describe('The labels’ name in .npz archives. Default: labels, label or y, if there.'),
  masks: z.string().optional().describe('The masks’ name in .npz archives, or a folder, within `path`, of .npy masks.'),
  unit: z.enum(['HU', 'grey']).optional().describe('What the values are. Default: by their type and range.'),
  rescale: z
    .strictObject({ slope: z.number().default(1), intercept: z.number() })
    .optional()
    .describe('The file’s values × slope + intercept are what `unit` says.'),
  spacing: z
    .union([spacing, z.tuple([spacing, spacing])])
    .optional()
    .describe('Millimetres per pixel, one number or [rows, columns].'),
});

type Options = z.output<typeof options>;

const NAMES = {
  images: ['images', 'image', 'x', 'X', 'data', 'arr_0'],
  labels: ['labels', 'label', 'y', 'Y'],
} as const;

/** A file's arrays. */
interface OpenedFile {
  readonly images: NpyArray;
  readonly labels?: readonly string[];
  readonly masks?: NpyArray;
}

/**
 * NumPy arrays as images: [h, w], [n, h, w] or with channels at the end, in `.npy` files or `.npz` archives. Each file is
 * a patient unless a table or pattern says otherwise: images in one array are taken for one patient's.
 */
export const npy: DataReader = {
  name: 'npy',
  title: 'NumPy arrays',
  summary: 'Folder of .npy and .npz files: one image or a stack of them each; labels and masks from the same archive.',
  options,
  async open(given, { base }) {
    const o = options.parse(given);
    const path = resolve(base, o.path);
    const found = await stat(path).catch(() => undefined);
    if (!found) throw new CtXaiError('DATA', `data.path: there is no folder or file ${path}.`);
    const root = found.isDirectory() ? path : dirname(path);
    const remarks: string[] = [];
    const leftOut: { path: string; reason: string }[] = [];
    const files = found.isDirectory() ? await listFiles(root, o, leftOut, remarks) : [{ id: basename(path), path }];
    const slices: OfferedSlice[] = [];
    const read = keepLast(file => openFile(file, o));
    const used: string[] = [];
    for (const file of files) {
      try {
        slices.push(...slicesOf(file, await read(file.path), read, root, o));
        used.push(file.path);
      } catch (cause) {
        leftOut.push({ path: file.id, reason: messageOf(cause) });
      }
    }
    const sized = await Promise.all(used.map(async p => ({ path: p, size: (await stat(p)).size })));
    const digests = await fileDigests(sized);
    const { path: _, ...rest } = o;
    const digest = jsonDigest(['npy 1', rest, files.map(f => [f.id, digests.get(f.path) ?? null])]);
    return assemble({ root, options: o, slices, remarks, leftOut, digest });
  },
};

async function listFiles(
  root: string,
  { masks }: Options,
  leftOut: { path: string; reason: string }[],
  remarks: string[],
): Promise<FoundFile[]> {
  const { files, leftOut: litter } = await walkFolder(
    root,
    id => masks !== undefined && resolve(root, id) === resolve(root, masks),
  );
  const said = leftOutRemark(litter);
  if (said) remarks.push(said);
  const isArray = (id: string) => ['.npy', '.npz'].includes(extname(id).toLowerCase());
  for (const f of files) {
    if (!isArray(f.id) && !/\.(csv|txt|md|json)$/i.test(f.id))
      leftOut.push({ path: f.id, reason: 'it is no NumPy file by its name' });
  }
  return files.filter(f => isArray(f.id));
}

/** Reads what is needed alone: an archive may hold arrays of any kind besides. @throws Error saying what is wrong. */
async function openFile(path: string, o: Options): Promise<OpenedFile> {
  if (extname(path).toLowerCase() === '.npy') return { images: (await readArrays(path)).get('')! };
  const files = await readArrayFiles(path);
  const arrayOf = (name: string) => readNpy(files.get(name)!, calledIn(name));
  const none = (names: string) =>
    new Error(`it has no array called ${names}; there are: ${[...files.keys()].join(', ')}`);
  const labelled = (['images', 'labels'] as const).map(what => o[what]).find(n => n !== undefined && !files.has(n));
  if (labelled !== undefined) throw none(labelled);

  const images =
    o.images === undefined ? firstImages(NAMES.images.filter(n => files.has(n)).map(arrayOf)) : arrayOf(o.images);
  if (!images) throw none(NAMES.images.join(', '));
  const { count } = stackOf(images);
  const label = o.labels ?? NAMES.labels.find(n => files.has(n));
  const labels = label === undefined ? undefined : labelsOf(files.get(label)!, label);
  const masks = o.masks !== undefined && files.has(o.masks) ? arrayOf(o.masks) : undefined;
  if (labels && labels.length !== count) throw new Error(`it has ${count} images and ${labels.length} labels`);
  if (masks && stackOf(masks).count !== count)
    throw new Error(`it has ${count} images and ${stackOf(masks).count} masks`);
  return { images, ...(labels ? { labels } : {}), ...(masks ? { masks } : {}) };
}

/** Of arrays that may be the images by their names, the first that is by its shape; or else the first. */
function firstImages(arrays: readonly NpyArray[]): NpyArray | undefined {
  const isStack = (array: NpyArray) => {
    try {
      return stackOf(array).count > 0;
    } catch {
      return false;
    }
  };
  return arrays.find(isStack) ?? arrays[0];
}

function labelsOf(bytes: Uint8Array, name: string): string[] {
  return (
    npyTexts(bytes, calledIn(name)) ?? Array.from(readNpy(bytes, calledIn(name)).data as ArrayLike<unknown>, String)
  );
}

function slicesOf(
  file: FoundFile,
  opened: OpenedFile,
  read: (path: string) => Promise<OpenedFile>,
  root: string,
  o: Options,
): OfferedSlice[] {
  const { count, stacked, rows, columns } = stackOf(opened.images);
  const width = String(count - 1).length;
  const unit = o.unit ?? arrayUnit(opened.images);
  if (!unit)
    throw new Error("its values may be HU or grey levels; set data.unit, with 'rescale' if they must be shifted");
  const beside =
    opened.masks || o.masks === undefined ? undefined : resolve(root, o.masks, `${withoutEnding(file.id)}.npy`);
  const sides = typeof o.spacing === 'number' ? ([o.spacing, o.spacing] as const) : o.spacing;
  return Array.from({ length: count }, (_, k): OfferedSlice => {
    const id = stacked ? `${file.id}/${String(k).padStart(width, '0')}` : file.id;
    const label = opened.labels?.[k];
    return {
      id,
      where: id,
      patient: withoutEnding(file.id),
      ...(label === undefined ? {} : { label }),
      hasMask: opened.masks !== undefined || beside !== undefined,
      size: [rows, columns],
      keys: { path: file.id, slice: k },
      async load(signal): Promise<LoadedSample> {
        signal?.throwIfAborted();
        // A data set of arrays need not fit into memory.
        const { images, masks } = await read(file.path);
        const { pixels, colour } = imageAt(images, k);
        const scaled = (t: Tensor) =>
          o.rescale
            ? tensor(
                t.shape,
                t.data.map(v => v * o.rescale!.slope + o.rescale!.intercept),
              )
            : t;
        const mask = masks
          ? imageAt(masks, k).pixels
          : beside === undefined
            ? undefined
            : await maskBeside(beside, k, id);
        if (mask && (mask.shape[0] !== rows || mask.shape[1] !== columns)) {
          throw new CtXaiError(
            'IMAGE',
            `${id}: its mask is ${mask.shape[1]} × ${mask.shape[0]}, the image ${columns} × ${rows}.`,
          );
        }
        if (mask?.data.some(Number.isNaN)) throw notANumber(`${id}: its mask`);
        return {
          source: {
            pixels: scaled(pixels),
            ...(colour && unit === 'grey' ? { colour: scaled(colour) } : {}),
            unit,
            ...(sides ? { spacing: sides } : {}),
          },
          ...(mask
            ? {
                mask: tensor(
                  mask.shape,
                  mask.data.map(v => (v > 0 ? 1 : 0)),
                ),
              }
            : {}),
        };
      },
    };
  });
}

async function maskBeside(path: string, k: number, id: string): Promise<Tensor> {
  try {
    const array = (await readArrays(path)).get('')!;
    return imageAt(array, stackOf(array).stacked ? k : 0).pixels;
  } catch (cause) {
    throw new CtXaiError('IMAGE', `${id}: its mask ${basename(path)} can't be read: ${messageOf(cause)}.`, { cause });
  }
}
