import { extname, resolve } from 'node:path';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { type FoundFile, walkFolder } from '../files/walk.ts';
import { type DecodeOptions, decodeImage, isImageName } from '../pixels/decode.ts';
import { type ReadMask, readMask } from '../pixels/mask.ts';
import type { ImageEntry } from './image-index.ts';

/** Masks that are looked at before a run, to say what they are. */
const LOOKED_AT = 200;

export interface MatchedMasks {
  /** Paths by the images' ids. */
  readonly of: ReadonlyMap<string, string>;
  readonly remarks: readonly string[];
}

/**
 * Finds for each image the mask of the same path in a folder of masks, whatever its ending.
 * @throws CtXaiError DATA if the folder has no picture, if none is called like an image, or if two are called like one.
 */
export async function matchMasks(root: string, masks: string, entries: readonly ImageEntry[]): Promise<MatchedMasks> {
  const folder = resolve(root, masks);
  const files = await maskFiles(folder);
  const byId = new Map(files.map(f => [f.id, f]));
  const byStem = new Map<string, FoundFile[]>();
  for (const f of files) byStem.set(stem(f.id), [...(byStem.get(stem(f.id)) ?? []), f]);
  const of = new Map<string, string>();
  const used = new Set<string>();
  for (const { id, maskPath } of entries) {
    const named = byStem.get(stem(id)) ?? [];
    const found = byId.get(id) ?? named[0];
    if (!found || maskPath !== undefined) continue;
    if (!byId.has(id) && named.length > 1) {
      throw new CtXaiError('DATA', `${id} has two masks: ${named.map(f => f.id).join(' and ')}.`, {
        hint: 'Keep one of them in the folder, or name it in a column of index.csv.',
      });
    }
    of.set(id, found.path);
    used.add(found.id);
  }
  const idle = files.filter(f => !used.has(f.id));
  if (of.size === 0 && entries.every(e => e.maskPath === undefined)) {
    throw new CtXaiError(
      'DATA',
      `data.masks: none of the ${files.length} pictures in ${folder} is called like an image.`,
      {
        hint:
          `A mask has its image's path within the folder, with any ending: ${stem(entries[0]!.id)}.png for ` +
          `${entries[0]!.id}. There is, for example, ${files[0]!.id}.`,
      },
    );
  }
  const remarks = [
    ...(of.size < entries.length ? [`masks: ${of.size} of ${entries.length} images have one`] : []),
    ...(idle.length > 0 ? [`masks: ${idle.length} files are called like no image, for example ${idle[0]!.id}`] : []),
  ];
  return { of, remarks };
}

async function maskFiles(folder: string): Promise<FoundFile[]> {
  const walked = await walkFolder(folder).catch(cause => {
    throw new CtXaiError('DATA', `data.masks: the folder ${folder} can't be read (${messageOf(cause)}).`, { cause });
  });
  const files = walked.files.filter(f => isImageName(f.id));
  if (files.length === 0) {
    throw new CtXaiError('DATA', `data.masks: there is no picture in ${folder}.`, {
      hint: "Masks are PNG, JPEG, TIFF or BMP files; the path of 'masks' starts from 'path'.",
    });
  }
  return files;
}

function stem(id: string): string {
  return id.slice(0, id.length - extname(id).length);
}

/** Reads a mask. @throws CtXaiError IMAGE if it can't be decoded, or tells inside from outside nowhere. */
export async function loadMask(path: string, where: string, options?: DecodeOptions): Promise<ReadMask> {
  const said = `${where}, mask ${path}`;
  const decoded = await decodeImage(path, said, options);
  try {
    return readMask(decoded);
  } catch (cause) {
    throw new CtXaiError('IMAGE', `${said}: ${messageOf(cause)}.`, { cause });
  }
}

/** What the masks are like: how many are grey or have several values. Looks at 200 of them, spread over all. */
export async function lookAtMasks(paths: readonly string[], options?: DecodeOptions): Promise<string[]> {
  const step = Math.max(1, paths.length / LOOKED_AT);
  const some = Array.from({ length: Math.min(LOOKED_AT, paths.length) }, (_, i) => paths[Math.floor(i * step)]!);
  const notes = new Map<string, number>();
  for (const path of some) {
    // One that can't be read is a failure of its image, later.
    const found = await loadMask(path, '', options).catch(() => undefined);
    const all = found?.mask.data.every(v => v === 1) ? 'has no outside: the whole image is inside' : undefined;
    for (const note of [found?.note, all]) if (note !== undefined) notes.set(note, (notes.get(note) ?? 0) + 1);
  }
  const of =
    some.length < paths.length ? `${some.length} masks looked at (of ${paths.length})` : `${paths.length} masks`;
  return [...notes].map(([note, n]) => `masks: ${n} of ${of}: each ${note}`);
}
