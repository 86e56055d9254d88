import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageVersion } from '../../config/version.ts';
import type { ModelCard, Sample, Source } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { writeNpy } from '../../core/npy.ts';
import type { Tensor } from '../../core/tensor.ts';
import { dicomOfPicture } from '../../data/dicom/write-capture.ts';
import { dicomOfMap, type MapFacts } from '../../data/dicom/write-map.ts';
import { fromGrid, geometryOf } from '../../data/preparation/geometry.ts';
import { niftiOfMap } from '../../data/volumes/write-nifti.ts';
import { overlayPixels, scaleEnd } from '../../reports/summary/heatmap.ts';
import { writeAtomic } from '../../results/files.ts';
import type { Saved } from './map-formats.ts';
import { note } from './output.ts';

const ENDINGS: Readonly<Record<Saved, string>> = {
  nifti: 'nii.gz',
  dicom: 'dcm',
  'secondary-capture': 'sc.dcm',
  npy: 'npy',
};

/** A map's image, and where its files go. */
export interface SavedMap {
  readonly sample: Sample;
  readonly card: ModelCard;
  readonly formats: readonly Saved[];
  readonly folder: string;
  /** Of the files, without ending. */
  readonly name: string;
  /** Explainer and target, as DICOM files say it. */
  readonly title: string;
  /** The series that DICOM files are put into, and their numbers in it; see `MapFacts`. */
  readonly group?: string;
  readonly number?: number;
  /** Whether it is left to the caller to say what the scan lacks. */
  readonly quiet?: boolean;
}

/** What was written of a map, and which formats its scan can't have. */
export interface SavedFiles {
  readonly files: readonly string[];
  readonly refused: readonly { readonly format: Saved; readonly reason: string }[];
}

/**
 * Writes a map on the pixels of the file that was explained, so that it opens over the scan. 'dicom' and
 * 'secondary-capture' are refused where the scan is no DICOM file, and 'dicom' where it does not say where it lies; the
 * other formats are written.
 * @throws CtXaiError IMAGE for volumes
 */
export async function saveMap(map: Tensor, at: SavedMap): Promise<SavedFiles> {
  const { sample, card, formats, folder, name, quiet = false } = at;
  if (formats.length === 0) return { files: [], refused: [] };
  const { source, lung } = await sample.load();
  if (source.pixels.shape.length !== 2) {
    throw new CtXaiError('IMAGE', `${sample.id}: --save writes maps of slices only.`);
  }
  const geometry = geometryOf(source, card, sample.id, lung);
  const onSource = fromGrid(map, geometry);
  if (formats.includes('nifti') && !source.placement && !quiet) {
    note(
      `${sample.id} does not say where it lies in the patient: the NIfTI file has ${source.spacing ? 'its spacing alone' : 'no place and no spacing'}`,
    );
  }
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  const refused: { format: Saved; reason: string }[] = [];
  for (const format of formats) {
    const file = join(folder, `${name.replace(/[^\w.-]+/g, '_')}.${ENDINGS[format]}`);
    const bytes = bytesOf(format, onSource, source, at);
    if (typeof bytes === 'string') {
      refused.push({ format, reason: bytes });
    } else {
      await writeAtomic(file, bytes);
      files.push(file);
    }
  }
  return { files, refused };
}

/** The file, or why there can be none. */
function bytesOf(
  format: Saved,
  map: Tensor,
  source: Source,
  { sample, card, title, group, number }: SavedMap,
): Uint8Array | string {
  if (format === 'npy') return writeNpy(map);
  if (format === 'nifti') return niftiOfMap(map, source);
  const facts: MapFacts = {
    ...{ patient: sample.patient, description: title, at: new Date(), software: packageVersion() },
    ...(group === undefined ? {} : { group }),
    ...(number === undefined ? {} : { number }),
  };
  try {
    return format === 'dicom' ? dicomOfMap(map, source, facts) : captureOf(map, source, card, facts);
  } catch (error) {
    return messageOf(error);
  }
}

/** The scan in the card's window, under the map's colours. */
function captureOf(map: Tensor, source: Source, { intensity }: ModelCard, facts: MapFacts): Uint8Array {
  const [low, high] = intensity.window;
  const end = scaleEnd(map);
  const colours = overlayPixels(map, end);
  const rgb = new Uint8Array(3 * map.data.length);
  for (const [i, value] of source.pixels.data.entries()) {
    const grey = 255 * Math.min(1, Math.max(0, (value - low) / (high - low)));
    const opacity = colours[4 * i + 3]! / 255;
    for (let k = 0; k < 3; k++) rgb[3 * i + k] = Math.round((1 - opacity) * grey + opacity * colours[4 * i + k]!);
  }
  const strength = Number(end.toPrecision(3));
  const derivation =
    `${facts.description}: orange raises the score, blue lowers it, the more opaque the more, up to ${strength}. ` +
    `The scan is shown from ${low} to ${high}${source.unit === 'HU' ? ' HU' : ''}. Not for diagnostic use.`;
  return dicomOfPicture(rgb, source, { ...facts, derivation });
}
