import type { Source } from '../../core/contracts/index.ts';
import { planar } from '../../core/tensor.ts';
import { joined, writeElements } from './write-elements.ts';
import {
  assertNamed,
  fileHeader,
  type MapFacts,
  ownElements,
  referencedImage,
  referencedSeries,
  uidsOf,
} from './write-map.ts';

/** Secondary Capture Image Storage. */
const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/**
 * A coloured picture of a DICOM slice under its map, as a Secondary Capture (PS3.3, A.8.1) in the slice's study: what
 * viewers show that know no Parametric Maps. It refers to the slice as its source; it has no place in the patient.
 * @param rgb [h, w, 3] on the source's pixels, 0…255
 * @param key tells pictures of one slice apart in their UIDs
 * @throws Error where the source does not say which image it is
 */
export function dicomOfPicture(
  rgb: Uint8Array,
  { dicom: of, pixels, spacing }: Source,
  { derivation, ...facts }: MapFacts & { /** What the colours mean. */ readonly derivation: string },
): Uint8Array {
  assertNamed(of);
  const [h, w] = planar(pixels.shape);
  const uid = uidsOf(of, { ...facts, description: `secondary capture of ${facts.description}` }, rgb);
  const elements = writeElements([
    ...ownElements(of, facts, uid),
    ['00080008', 'CS', 'DERIVED\\SECONDARY'],
    ['00080016', 'UI', SECONDARY_CAPTURE],
    // It is drawn by a workstation, not scanned from film.
    ['00080064', 'CS', 'WSD'],
    ['00081115', 'SQ', [referencedSeries(of)]],
    ['00082111', 'ST', derivation.slice(0, 1024)],
    ['00082112', 'SQ', [referencedImage(of)]],
    ['00280002', 'US', 3],
    ['00280004', 'CS', 'RGB'],
    ['00280006', 'US', 0],
    ['00280010', 'US', h],
    ['00280011', 'US', w],
    ...(spacing ? [['00280030', 'DS', [...planar(spacing)]] as const] : []),
    ['00280100', 'US', 8],
    ['00280101', 'US', 8],
    ['00280102', 'US', 7],
    ['00280103', 'US', 0],
    ['00280301', 'CS', 'NO'],
    ['7fe00010', 'OB', rgb],
  ]);
  return joined([fileHeader(uid('instance'), SECONDARY_CAPTURE), elements]);
}
