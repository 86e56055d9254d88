import type { DicomReference, Source } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { tensor } from '../../core/tensor.ts';
import { readRegular } from '../../files/regular.ts';
import { parseDicomFile } from './dataset.ts';
import { type DicomHeader, placementOf, readHeader } from './header.ts';
import type { FrameDecoder } from './pixels.ts';
import { hounsfield, type Rescale, rescaleOf } from './units.ts';

/** How pixels of a DICOM file are read. */
export interface SliceOptions {
  /** Slope and intercept where the file has none, or other ones than it should. */
  readonly rescale?: Rescale | undefined;
  /** Grey levels 0…255 of the stored values' range, for images of other modalities than CT. */
  readonly grey?: boolean;
}

/**
 * Reads one frame of a DICOM file in Hounsfield units, with spacing, place and acquisition.
 * @param where Said in errors.
 * @throws CtXaiError IMAGE saying what is wrong with it.
 */
export async function loadDicomSlice(
  path: string,
  frame: number,
  decoder: FrameDecoder,
  options: SliceOptions,
  where: string,
): Promise<Source> {
  try {
    const file = parseDicomFile(await readRegular(path));
    const header = readHeader(file);
    const place = header.frames[frame];
    if (!place) throw new Error(`it has no frame ${frame}`);
    const rescale = options.grey ? undefined : rescaleOf(header, place, options.rescale);
    const stored = await decoder.decode(file, header, frame);
    const values = rescale ? hounsfield(stored, rescale, header.padding) : greyLevels(stored, header);
    const placement = placementOf(place);
    return {
      pixels: tensor([header.rows, header.columns], values),
      unit: rescale ? 'HU' : 'grey',
      ...(place.spacing ? { spacing: place.spacing } : {}),
      ...(placement ? { placement } : {}),
      acquisition: {
        ...header.acquisition,
        ...(place.thickness === undefined ? {} : { thicknessMm: place.thickness }),
      },
      dicom: referenceOf(header, frame),
    };
  } catch (cause) {
    if (cause instanceof CtXaiError) throw cause;
    throw new CtXaiError('IMAGE', `${where}: ${messageOf(cause)}.`, { cause, hint: hintFor(messageOf(cause)) });
  }
}

function referenceOf(header: DicomHeader, frame: number): DicomReference {
  const { study, series, sopClass, instance, frames, frameOfReference } = header;
  return {
    ...{ study, series, sopClass, instance },
    ...(frameOfReference === undefined ? {} : { frameOfReference }),
    ...(frames.length > 1 ? { frame } : {}),
  };
}

function hintFor(message: string): string {
  if (message.includes('Rescale Slope and Intercept')) {
    return 'Set data.rescale to { slope: 1, intercept: -1024 }, or { intercept: 0 } where the stored values are HU.';
  }
  return 'The other files are read without it.';
}

/** Stored values of any kind of image on 0…255, from the least to the greatest that its bits hold. */
function greyLevels(stored: Int32Array, { bitsStored, signed, photometric }: DicomHeader): Float32Array {
  const span = 2 ** bitsStored - 1;
  const low = signed ? -(2 ** (bitsStored - 1)) : 0;
  const dark = photometric === 'MONOCHROME1';
  return Float32Array.from(stored, v => {
    const grey = ((v - low) / span) * 255;
    return dark ? 255 - grey : grey;
  });
}
