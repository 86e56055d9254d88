import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ElementList, joined, writeElements } from '../../src/data/dicom/write-elements.ts';
import { dicom } from '../../src/data/readers/dicom.ts';
import { put, temporaryFolder } from './images.ts';

const base = temporaryFolder();
const [CT, STRUCTURES] = ['1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.481.3'];

function file(sopClass: string, elements: ElementList): Buffer {
  const meta = writeElements([
    ['00020002', 'UI', sopClass],
    ['00020010', 'UI', '1.2.840.10008.1.2.1'],
  ]);
  const preamble = new Uint8Array(132);
  preamble.set(Buffer.from('DICM'), 128);
  const common: ElementList = [
    ['00080016', 'UI', sopClass],
    ['00100010', 'PN', 'Mustermann^Erika'],
    ['00100020', 'LO', '4711'],
    ['0020000d', 'UI', '1.2.4'],
    ['00200052', 'UI', '1.2.9'],
  ];
  return Buffer.from(joined([preamble, meta, writeElements([...common, ...elements])]));
}

const SLICE = file(CT, [
  ['00080018', 'UI', '1.2.3.1'],
  ['00080060', 'CS', 'CT'],
  ['0020000e', 'UI', '1.2.5'],
  ['00200032', 'DS', [0, 0, 0]],
  ['00200037', 'DS', [1, 0, 0, 0, 1, 0]],
  ['00280004', 'CS', 'MONOCHROME2'],
  ['00280010', 'US', 8],
  ['00280011', 'US', 8],
  ['00280030', 'DS', [1, 1]],
  ['00280100', 'US', 16],
  ['00281052', 'DS', '-1024'],
  ['00281053', 'DS', '1'],
  ['7fe00010', 'OW', new Uint8Array(128)],
]);

interface Structure {
  readonly name: string;
  readonly type?: string;
  /** Pixels [from, to] of a square whose sides are as long. */
  readonly square: readonly [number, number];
  /** Of its plane above the slice, mm. */
  readonly height?: number;
}

/** A structure set with a square for each structure, on the slice's plane. */
function structureSet(structures: readonly Structure[]): Buffer {
  const number = (i: number) => String(i + 1);
  return file(STRUCTURES, [
    ['00080018', 'UI', '1.2.3.2'],
    ['00080060', 'CS', 'RTSTRUCT'],
    ['0020000e', 'UI', '1.2.6'],
    [
      '30060020',
      'SQ',
      structures.map(
        ({ name }, i): ElementList => [
          ['30060022', 'IS', number(i)],
          ['30060026', 'LO', name],
        ],
      ),
    ],
    [
      '30060039',
      'SQ',
      structures.map(({ square: [from, to], height = 0 }, i): ElementList => {
        const [low, high] = [from - 0.5, to + 0.5];
        const corners = [low, low, height, high, low, height, high, high, height, low, high, height];
        return [
          [
            '30060040',
            'SQ',
            [
              [
                ['30060042', 'CS', 'CLOSED_PLANAR'],
                ['30060050', 'DS', corners],
              ],
            ],
          ],
          ['30060084', 'IS', number(i)],
        ];
      }),
    ],
    [
      '30060080',
      'SQ',
      structures.map(
        ({ type = '' }, i): ElementList => [
          ['30060084', 'IS', number(i)],
          ['300600a4', 'CS', type],
        ],
      ),
    ],
  ]);
}

let folders = 0;

async function maskOf(structures: readonly Structure[], options: object = {}): Promise<[pixels: number, said: string]> {
  const folder = `case-${folders++}`;
  put(base, `${folder}/slice.dcm`, SLICE);
  put(base, `${folder}/structures.dcm`, structureSet(structures));
  const dataset = await dicom.open(dicom.options.parse({ path: join(base, folder), ...options }), { base });
  for await (const sample of dataset.samples()) {
    const { mask } = await sample.load();
    return [mask?.data.reduce((a, b) => a + b, 0) ?? 0, dataset.remarks!.find(r => r.startsWith('masks:'))!];
  }
  throw new Error('no slice');
}

const body: Structure = { name: 'BODY', square: [0, 7] };
const lung: Structure = { name: 'Lung_L', type: 'ORGAN', square: [0, 3] };

it.each<[string, Structure[], number, string]>([
  ['the target alone', [body, lung, { name: 'GTV-1', type: 'GTV', square: [2, 4] }], 9, 'GTV-1'],
  ['no organ and no outline of the body', [body, lung, { name: 'opacity', square: [3, 3] }], 1, 'opacity'],
  [
    'no outline of the body by its type',
    [
      { ...body, name: 'x', type: 'EXTERNAL' },
      { name: 'y', square: [1, 2] },
    ],
    4,
    'y',
  ],
  ['all where neither type nor name tells', [lung, { ...lung, name: 'Heart', square: [6, 7] }], 20, 'Lung_L, Heart'],
])('of a structure set, %s is the mask', async (_, structures, pixels, taken) => {
  const [found, said] = await maskOf(structures);
  expect(found).toBe(pixels);
  expect(said).toMatch(new RegExp(`^masks: structures 1 with ${taken}(;|$)`));
});

it('structures that are named are taken, whatever their type', async () => {
  expect(await maskOf([body, lung], { structures: ['lung_l'] })).toEqual([
    16,
    'masks: structures 1 with Lung_L; passed by: BODY',
  ]);
});

it('a structure set that is drawn on none of the slices is told of', async () => {
  put(base, 'elsewhere/slice.dcm', SLICE);
  put(base, 'elsewhere/structures.dcm', structureSet([{ name: 'GTV', square: [1, 2], height: 40 }]));
  const dataset = await dicom.open(dicom.options.parse({ path: join(base, 'elsewhere') }), { base });
  expect(dataset.remarks).toContain('masks: structures 1 with GTV; it is drawn on none of the slices that are here');
  for await (const sample of dataset.samples()) expect(sample.hasMask).toBe(false);
});

it('structures of one name do not cut holes into each other', async () => {
  expect(
    (
      await maskOf([
        { name: 'opacity', square: [0, 3] },
        { name: 'opacity', square: [2, 5] },
      ])
    )[0],
  ).toBe(16 + 16 - 4);
});

it('the patient’s name and number in a structure’s name are not said', async () => {
  const [, said] = await maskOf([
    { name: 'Mustermann 4711 nodule', square: [1, 2] },
    { name: 'ERIKA_2', type: 'ORGAN', square: [5, 5] },
  ]);
  expect(said).toBe('masks: structures 1 with … … nodule; passed by: …_2');
});
