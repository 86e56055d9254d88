import { planar, type Tensor } from '../../core/tensor.ts';
import { joined, writeElements } from './write-elements.ts';
import { fileHeader, uidOf } from './write-map.ts';

const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';
const THICKNESS_MM = 1;
/** Stored values are unsigned; HU are these less 1024, as scanners do it. */
const INTERCEPT = -1024;

export interface SliceFacts {
  readonly patient: string;
  /** Images of one name are one series. */
  readonly series: string;
  /** From 1, within the series. */
  readonly number: number;
  /** mm per pixel, rows and columns. */
  readonly spacing: readonly [number, number];
  readonly description: string;
  readonly thicknessMm?: number | undefined;
  readonly kernel?: string | undefined;
}

/** HU as 16 bits hold them. */
export function wholeHU(hu: number): number {
  return Math.min(65535, Math.max(0, Math.round(hu - INTERCEPT))) + INTERCEPT;
}

/**
 * A made-up axial slice as a CT image (PS3.3, A.3): 16 bits, whole HU as scanners store them, from −1024 to 64511. UIDs
 * follow from the names, so that the same slice is written as the same file.
 * @param hu [h, w]
 */
export function dicomOfSlice(hu: Tensor, facts: SliceFacts): Uint8Array {
  const { patient, series, number, spacing, description, thicknessMm = THICKNESS_MM, kernel } = facts;
  const [h, w] = planar(hu.shape);
  const stored = Uint16Array.from(hu.data, v => wholeHU(v) - INTERCEPT);
  const of = (what: string) => uidOf(['slice', what, patient, series].join('\n'));
  const instance = uidOf(['slice', patient, series, number, description].join('\n'));
  const elements = writeElements([
    ['00080005', 'CS', 'ISO_IR 192'],
    ['00080008', 'CS', 'DERIVED\\PRIMARY\\AXIAL'],
    ['00080016', 'UI', CT_IMAGE],
    ['00080018', 'UI', instance],
    ['00080020', 'DA', ''],
    ['00080030', 'TM', ''],
    ['00080050', 'SH', ''],
    ['00080060', 'CS', 'CT'],
    ['00080070', 'LO', 'ct-xai-bench'],
    ['00080090', 'PN', ''],
    ['0008103e', 'LO', description.slice(0, 64)],
    ['00100010', 'PN', ''],
    ['00100020', 'LO', patient.slice(0, 64)],
    ['00100030', 'DA', ''],
    ['00100040', 'CS', ''],
    ['00180050', 'DS', thicknessMm],
    ...(kernel === undefined ? [] : ([['00181210', 'SH', kernel]] as const)),
    ['0020000d', 'UI', uidOf(['study', patient].join('\n'))],
    ['0020000e', 'UI', of('series')],
    ['00200010', 'SH', ''],
    ['00200011', 'IS', '1'],
    ['00200013', 'IS', String(number)],
    ['00200032', 'DS', [0, 0, number - 1]],
    ['00200037', 'DS', [1, 0, 0, 0, 1, 0]],
    ['00200052', 'UI', of('frame of reference')],
    ['00201040', 'LO', ''],
    ['00280002', 'US', 1],
    ['00280004', 'CS', 'MONOCHROME2'],
    ['00280010', 'US', h],
    ['00280011', 'US', w],
    ['00280030', 'DS', [...spacing]],
    ['00280100', 'US', 16],
    ['00280101', 'US', 16],
    ['00280102', 'US', 15],
    ['00280103', 'US', 0],
    ['00281052', 'DS', INTERCEPT],
    ['00281053', 'DS', 1],
    ['00281054', 'LO', 'HU'],
    // Little endian, whatever the machine.
    [
      '7fe00010',
      'OW',
      Uint8Array.from({ length: 2 * stored.length }, (_, i) => (stored[i >> 1]! >> (8 * (i & 1))) & 255),
    ],
  ]);
  return joined([fileHeader(instance, CT_IMAGE), elements]);
}
