import { createHash } from 'node:crypto';
import type { DicomReference, Source } from '../../core/contracts/index.ts';
import { planar, type Tensor } from '../../core/tensor.ts';
import { SYNTAX } from './dataset.ts';
import { SOP } from './scan.ts';
import { type ElementList, joined, writeElements } from './write-elements.ts';

/** What is said of a map besides its values. */
export interface MapFacts {
  /** Of whom, as the program names patients: a keyed hash. */
  readonly patient: string;
  /** What it is, in up to 64 characters: explainer and target. */
  readonly description: string;
  /** When it is written. */
  readonly at: Date;
  readonly software: string;
  /** Pictures of one series that share this text are one series. Absent: each is a series of its own. */
  readonly group?: string;
  /** Of the picture in its series, from 1. */
  readonly number?: number;
}

/** Of a slice whose thickness the file does not say. */
const THICKNESS_MM = 1;
/** UIDs made of a UUID (ITU-T X.667) need no registered root. */
const UUID_ROOT = '2.25.';

/** A UID that the same text always gives. */
export function uidOf(text: string): string {
  return `${UUID_ROOT}${numberOf(text)}`;
}

/** Of this program's writer, made of a UUID once. */
const IMPLEMENTATION = `${UUID_ROOT}${numberOf('ct-xai-bench dicom writer 1')}`;

/**
 * A map over one DICOM slice as a Parametric Map (PS3.3, A.75): one frame of float32 in the slice's study, frame of
 * reference, position and orientation, that refers to the slice. Names and dates of the scan are not copied; the study's
 * and the slice's UIDs are, or no viewer could lay the map over the scan.
 * @param map [h, w] on the source's pixels
 * @throws Error where the source does not say which image it is, or where it lies
 */
export function dicomOfMap(map: Tensor, source: Source, facts: MapFacts): Uint8Array {
  const { dicom: of, placement, spacing, acquisition } = source;
  assertNamed(of);
  if (!placement || !spacing || !of.frameOfReference) {
    throw new Error(
      'the scan does not say where it lies: it lacks position, orientation, spacing or frame of reference',
    );
  }
  const values = new Uint8Array(Float32Array.from(map.data).buffer);
  const uid = uidsOf(of, facts, values);
  const [h, w] = planar(map.shape);
  const said = Number(acquisition?.['thicknessMm']);
  const thickness = said > 0 ? said : THICKNESS_MM;
  const elements: ElementList = [
    ...generalElements(of, facts, uid),
    ['00280002', 'US', 1],
    ['00280004', 'CS', 'MONOCHROME2'],
    ['00280008', 'IS', '1'],
    ['00280010', 'US', h],
    ['00280011', 'US', w],
    ['00280100', 'US', 32],
    ['52009229', 'SQ', [sharedGroups(map, of, { placement, spacing: planar(spacing), thickness })]],
    ['52009230', 'SQ', [frameGroups(placement.origin)]],
    ['7fe00008', 'OF', values],
  ];
  return joined([fileHeader(uid('instance'), SOP.parametricMap), writeElements(elements)]);
}

/** @throws Error where a scan's file does not say which image it is: then nothing can refer to it. */
export function assertNamed(of: DicomReference | undefined): asserts of is DicomReference {
  if (!of) throw new Error('the scan is no DICOM file');
  const lacks = [
    ...(of.study ? [] : ["its study's number (Study Instance UID)"]),
    ...(of.instance ? [] : ['its own number (SOP Instance UID)']),
  ];
  if (lacks.length > 0)
    throw new Error(`the scan's file lacks ${lacks.join(' and ')}, to which a DICOM file of a map refers`);
}

/** UIDs that the same picture of the same slice always gets. */
export function uidsOf(
  of: DicomReference,
  { description, group }: Pick<MapFacts, 'description' | 'group'>,
  values: Uint8Array,
): (what: string) => string {
  const digest = createHash('sha256').update(values).digest('hex');
  const seed = [of.instance, String(of.frame ?? 0), description, digest];
  const series = group === undefined ? seed : [of.series, description, group];
  return what => `${UUID_ROOT}${numberOf([what, ...(what === 'series' ? series : seed)].join('\n'))}`;
}

/** The preamble and group 2. */
export function fileHeader(instance: string, sopClass: string): Uint8Array {
  const meta = writeElements([
    ['00020001', 'OB', Uint8Array.of(0, 1)],
    ['00020002', 'UI', sopClass],
    ['00020003', 'UI', instance],
    ['00020010', 'UI', SYNTAX.explicitLittle],
    ['00020012', 'UI', IMPLEMENTATION],
    ['00020013', 'SH', 'CT_XAI_BENCH'],
  ]);
  const preamble = new Uint8Array(132);
  preamble.set([0x44, 0x49, 0x43, 0x4d], 128);
  return joined([preamble, writeElements([['00020000', 'UL', meta.length]]), meta]);
}

const TYPE = 'DERIVED\\PRIMARY\\VOLUME\\QUANTITY';

/** Patient, study, series and equipment of what is drawn of a slice: names and dates of the scan are not copied. */
export function ownElements(
  of: DicomReference,
  { patient, description, at, software, number = 1 }: MapFacts,
  uid: (what: string) => string,
): ElementList {
  const [date, time] = at
    .toISOString()
    .replaceAll(/[-:]|\.\d+Z$/g, '')
    .split('T') as [string, string];
  return [
    ['00080005', 'CS', 'ISO_IR 192'],
    ['00080018', 'UI', uid('instance')],
    ['00080020', 'DA', ''],
    ['00080023', 'DA', date],
    ['00080030', 'TM', ''],
    ['00080033', 'TM', time],
    ['00080050', 'SH', ''],
    ['00080060', 'CS', 'CT'],
    ['00080070', 'LO', 'ct-xai-bench'],
    ['00080090', 'PN', ''],
    ['0008103e', 'LO', description.slice(0, 64)],
    ['00081090', 'LO', 'ct-xai explain'],
    ['00100010', 'PN', ''],
    ['00100020', 'LO', patient.slice(0, 64)],
    ['00100030', 'DA', ''],
    ['00100040', 'CS', ''],
    ['00181000', 'LO', 'none'],
    ['00181020', 'LO', software],
    ['0020000d', 'UI', of.study],
    ['0020000e', 'UI', uid('series')],
    ['00200010', 'SH', ''],
    ['00200011', 'IS', '1'],
    ['00200013', 'IS', String(number)],
  ];
}

function generalElements(of: DicomReference, facts: MapFacts, uid: (what: string) => string): ElementList {
  const { description } = facts;
  const dimensions = uid('dimensions');
  return [
    ...ownElements(of, facts, uid),
    ['00080008', 'CS', TYPE],
    ['00080016', 'UI', SOP.parametricMap],
    ['00081115', 'SQ', [referencedSeries(of)]],
    ['00200052', 'UI', of.frameOfReference ?? ''],
    ['00201040', 'LO', ''],
    ['00209221', 'SQ', [[['00209164', 'UI', dimensions]]]],
    [
      '00209222',
      'SQ',
      [
        [
          ['00209164', 'UI', dimensions],
          ['00209165', 'AT', '00200032'],
          ['00209167', 'AT', '00209113'],
        ],
      ],
    ],
    ['00280301', 'CS', 'NO'],
    ['00282110', 'CS', '00'],
    ['00400555', 'SQ', []],
    ['00700080', 'CS', 'ATTRIBUTION'],
    ['00700081', 'LO', description.slice(0, 64)],
    ['00700084', 'PN', ''],
    ['20500020', 'CS', 'IDENTITY'],
    ['00189004', 'CS', 'RESEARCH'],
  ];
}

export function referencedSeries(of: DicomReference): ElementList {
  return [
    ['0008114a', 'SQ', [referencedImage(of)]],
    ['0020000e', 'UI', of.series],
  ];
}

export function referencedImage({ sopClass, instance, frame }: DicomReference): ElementList {
  return [
    ['00081150', 'UI', sopClass],
    ['00081155', 'UI', instance],
    // Frames count from 1.
    ...(frame === undefined ? [] : [['00081160', 'IS', String(frame + 1)] as const]),
  ];
}

const code = (value: string, scheme: string, meaning: string): ElementList => [
  ['00080100', 'SH', value],
  ['00080102', 'SH', scheme],
  ['00080104', 'LO', meaning],
];

/** What no dictionary of codes has a term for. */
const OWN_CODES = '99CTXAI';

type Triple = readonly [number, number, number];

interface Place {
  readonly placement: NonNullable<Source['placement']>;
  readonly spacing: readonly [number, number];
  readonly thickness: number;
}

function sharedGroups(map: Tensor, of: DicomReference, { placement, spacing, thickness }: Place): ElementList {
  const [down, right] = placement.axes as readonly [Triple, Triple];
  const [low, high] = map.data.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]) as [
    number,
    number,
  ];
  return [
    [
      '00089124',
      'SQ',
      [
        [
          ['00089215', 'SQ', [code('attribution', OWN_CODES, 'Attribution of a score to pixels')]],
          [
            '00082112',
            'SQ',
            [
              [
                ...referencedImage(of),
                ['0040a170', 'SQ', [code('121322', 'DCM', 'Source image for image processing operation')]],
              ],
            ],
          ],
        ],
      ],
    ],
    ['00209116', 'SQ', [[['00200037', 'DS', [...right, ...down]]]]],
    [
      '00289110',
      'SQ',
      [
        [
          ['00180050', 'DS', thickness],
          ['00280030', 'DS', [...spacing]],
        ],
      ],
    ],
    [
      '00289132',
      'SQ',
      [
        [
          ['00281050', 'DS', (low + high) / 2],
          ['00281051', 'DS', high > low ? high - low : 1],
        ],
      ],
    ],
    [
      '00409092',
      'SQ',
      [
        [
          ['00080008', 'CS', TYPE],
          ['00089205', 'CS', 'MONOCHROME'],
          ['00089206', 'CS', 'VOLUME'],
          ['00089207', 'CS', 'NONE'],
        ],
      ],
    ],
    ['00409096', 'SQ', [valueMapping(low, high)]],
  ];
}

/** The values are what they are: slope 1, no unit. */
function valueMapping(low: number, high: number): ElementList {
  return [
    ['00283003', 'LO', 'Attribution'],
    ['004008ea', 'SQ', [code('1', 'UCUM', 'no units')]],
    ['00409210', 'SH', 'ATTRIBUTION'],
    ['00409213', 'FD', high],
    ['00409214', 'FD', low],
    ['00409224', 'FD', 0],
    ['00409225', 'FD', 1],
  ];
}

function frameGroups(origin: readonly number[]): ElementList {
  return [
    ['00209111', 'SQ', [[['00209157', 'UL', 1]]]],
    ['00209113', 'SQ', [[['00200032', 'DS', [...origin]]]]],
  ];
}

/** 128 bits of a digest as a decimal number. */
function numberOf(text: string): string {
  return BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 32)}`).toString();
}
