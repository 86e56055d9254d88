import { basename, dirname, resolve } from 'node:path';
import type { Source } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { Tensor } from '../../core/tensor.ts';
import { type FoundFile, walkFolder } from '../files/walk.ts';
import { withoutEnding } from './label-table.ts';
import { maskOnCut } from './mask-volume.ts';
import { createVolumeCache, volumeKind } from './open-volume.ts';

/** A mask volume of one reader, for slices that say where they lie. */
export interface SeriesMask {
  readonly name: string;
  /** [rows, columns] of 0 and 1. @throws Error if the volume is damaged, or the slice says not where it lies */
  maskOf(source: Source): Promise<Tensor>;
}

/** Mask volumes for series of slices. */
export interface SeriesMasks {
  /** Those of the series that a file belongs to: called like one of its folders, its patient or its series. */
  of(file: string, patient: string, series: string): readonly SeriesMask[];
  files(): readonly string[];
  /** After all slices were asked for: files that belong to none. */
  remarks(): string[];
}

/**
 * Finds the mask volumes in folders, by reader.
 * @throws CtXaiError DATA if a folder can't be read or has no volume.
 */
export async function createSeriesMasks(
  root: string,
  masks: string | Readonly<Record<string, string>> | undefined,
): Promise<SeriesMasks> {
  const readers = masks === undefined ? {} : typeof masks === 'string' ? { mask: masks } : masks;
  const found: { name: string; stem: string; file: FoundFile }[] = [];
  for (const [name, folder] of Object.entries(readers)) {
    const path = resolve(root, folder);
    const { files } = await walkFolder(path).catch(cause => {
      throw new CtXaiError('DATA', `data.masks: the folder ${path} can't be read (${messageOf(cause)}).`, { cause });
    });
    const volumes = files.filter(f => volumeKind(f.id) !== undefined);
    if (volumes.length === 0) {
      throw new CtXaiError('DATA', `data.masks: there is no NIfTI or MetaImage file in ${path}.`, {
        hint: 'DICOM segmentations and structure sets need no option: they are found among the images.',
      });
    }
    for (const file of volumes) found.push({ name, stem: withoutEnding(file.id), file });
  }
  const cache = createVolumeCache();
  const used = new Set<string>();
  return {
    of(file, patient, series) {
      const folders = dirname(file) === '.' ? [] : dirname(file).split('/');
      const above = folders.map((_, i) => folders.slice(0, i + 1).join('/'));
      const names = new Set([
        ...above,
        ...folders,
        patient,
        series,
        withoutEnding(file),
        basename(withoutEnding(file)),
      ]);
      return found
        .filter(({ stem }) => names.has(stem) || names.has(basename(stem)))
        .map(({ name, file: { path } }) => {
          used.add(path);
          return { name, maskOf: source => maskOn(path, source, cache) };
        });
    },
    files: () => found.map(f => f.file.path),
    remarks() {
      const idle = found.filter(f => !used.has(f.file.path));
      if (idle.length === 0) return [];
      return [
        `masks: ${idle.length} volumes are called like no series, patient or folder, for example ${idle[0]!.file.id}`,
      ];
    },
  };
}

async function maskOn(
  path: string,
  { pixels, spacing, placement }: Source,
  cache: ReturnType<typeof createVolumeCache>,
) {
  if (!spacing || !placement) throw new Error('the image does not say where it lies, so a volume has no place on it');
  const [rows, columns] = pixels.shape as [number, number];
  const place = { shape: [rows, columns] as const, spacing: spacing as readonly [number, number], placement };
  return maskOnCut(await cache.get(path), place);
}
