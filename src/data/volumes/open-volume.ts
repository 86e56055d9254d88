import { messageOf } from '../../core/errors.ts';
import { readMetaHeader, readMetaVolume } from './metaimage-file.ts';
import { readNiftiHeader, readNiftiVolume } from './nifti-file.ts';
import { rangeOf, type Volume, type VolumeGrid } from './volume.ts';

/** Whether a file is a volume, by its name. */
export function volumeKind(name: string): 'nifti' | 'metaimage' | undefined {
  if (/\.nii(\.gz)?$/i.test(name)) return 'nifti';
  return /\.(mha|mhd)$/i.test(name) ? 'metaimage' : undefined;
}

/** Where a volume's voxels lie, without reading them. @throws Error saying what is wrong with the file. */
export async function readVolumeGrid(path: string): Promise<{ grid: VolumeGrid; notes: readonly string[] }> {
  if (volumeKind(path) === 'metaimage') return { grid: (await readMetaHeader(path)).grid, notes: [] };
  return readNiftiHeader(path);
}

/** @throws Error saying what is wrong with the file. */
export async function readVolume(path: string): Promise<Volume> {
  return volumeKind(path) === 'metaimage' ? readMetaVolume(path) : readNiftiVolume(path);
}

/** Bytes of volumes that are kept: slices of one volume are asked for one after the other. */
const KEPT = 2 ** 28;

/** Reads volumes and keeps those used last, some 256 MB in all and at least one. */
export function createVolumeCache(read: (path: string) => Promise<Volume> = readVolume) {
  const kept = new Map<string, Promise<Volume>>();
  const sizes = new Map<string, number>();
  const ranges = new Map<string, readonly [number, number]>();
  const shrink = (): void => {
    let total = [...kept.keys()].reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0);
    for (const path of [...kept.keys()].slice(0, -1)) {
      if (total <= KEPT) return;
      total -= sizes.get(path) ?? 0;
      kept.delete(path);
    }
  };
  async function get(path: string): Promise<Volume> {
    const found = kept.get(path) ?? read(path);
    kept.delete(path);
    kept.set(path, found);
    try {
      const volume = await found;
      sizes.set(path, volume.data.byteLength);
      shrink();
      return volume;
    } catch (cause) {
      kept.delete(path);
      throw new Error(messageOf(cause), { cause });
    }
  }
  return {
    /** @throws Error saying what is wrong with the file. */
    get,
    /** The least and the greatest value of a volume, looked for once. @throws Error as `get` does */
    async range(path: string): Promise<readonly [number, number]> {
      const found = ranges.get(path) ?? rangeOf(await get(path));
      ranges.set(path, found);
      return found;
    },
  };
}

export type VolumeCache = ReturnType<typeof createVolumeCache>;
