import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelCard, Sample } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { writeNpy } from '../../core/npy.ts';
import { planar, type Tensor } from '../../core/tensor.ts';
import { fromGrid, layOut } from '../../data/preparation/geometry.ts';
import { niftiOfMap } from '../../data/volumes/write-nifti.ts';
import { writeAtomic } from '../../results/files.ts';
import { note } from '../shared/output.ts';

export type Saved = 'nifti' | 'npy';

/**
 * Writes a map on the pixels of the file that was explained, so that it opens over the scan.
 * @param name of the files, without ending
 * @returns the files' paths
 */
export async function saveMap(
  map: Tensor,
  at: {
    readonly sample: Sample;
    readonly card: ModelCard;
    readonly formats: readonly Saved[];
    readonly folder: string;
    readonly name: string;
  },
): Promise<string[]> {
  const { sample, card, formats, folder, name } = at;
  if (formats.length === 0) return [];
  const { source } = await sample.load();
  if (source.pixels.shape.length !== 2) {
    throw new CtXaiError('IMAGE', `${sample.id}: --save writes maps of slices only.`);
  }
  const geometry = layOut(planar(source.pixels.shape), planar(card.input.size), card.resize.fit);
  const onSource = fromGrid(map, geometry);
  if (formats.includes('nifti') && !source.placement) {
    note(
      `${sample.id} does not say where it lies in the patient: the NIfTI file has ${source.spacing ? 'its spacing alone' : 'no place and no spacing'}`,
    );
  }
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const format of formats) {
    const file = join(folder, `${name.replace(/[^\w.-]+/g, '_')}.${format === 'nifti' ? 'nii.gz' : 'npy'}`);
    await writeAtomic(file, format === 'nifti' ? niftiOfMap(onSource, source) : writeNpy(onSource));
    files.push(file);
  }
  return files;
}
