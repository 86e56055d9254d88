import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ElementList } from '../../src/data/dicom/write-elements.ts';
import { dicom } from '../../src/data/readers/dicom.ts';
import { dicomFile, dicomSlice } from './dicom-files.ts';
import { put, temporaryFolder } from './images.ts';

const base = temporaryFolder();
const STRUCTURES = '1.2.840.10008.5.1.4.1.1.481.3';
const SLICE = dicomSlice('1.2.3.1');

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
  return dicomFile(STRUCTURES, [
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

it('of structures of one name, the ones of the right type are taken', async () => {
  expect(
    (
      await maskOf([
        { name: 'x', type: 'ORGAN', square: [0, 7] },
        { name: 'x', type: 'GTV', square: [1, 2] },
      ])
    )[0],
  ).toBe(4);
});

it.each<[string, ElementList, boolean]>([
  [
    'another patient, in another frame of reference',
    [
      ['00100020', 'LO', '4712'],
      ['00200052', 'UI', '1.2.10'],
    ],
    false,
  ],
  [
    'another patient, without a frame of reference',
    [
      ['00100020', 'LO', '4712'],
      ['00200052', 'UI', ''],
    ],
    false,
  ],
  ['the same patient, without a frame of reference', [['00200052', 'UI', '']], true],
])('contours that name no image are not laid over slices of %s', async (name, changed, drawn) => {
  const folder = name.replaceAll(/\W+/g, '-');
  put(base, `${folder}/slice.dcm`, dicomSlice('1.2.3.1', changed));
  put(base, `${folder}/structures.dcm`, structureSet([{ name: 'GTV', square: [1, 2] }]));
  const dataset = await dicom.open(dicom.options.parse({ path: join(base, folder) }), { base });
  for await (const sample of dataset.samples()) expect(sample.hasMask).toBe(drawn);
});

it('contours that lie on none of the slices are counted', async () => {
  const [pixels, said] = await maskOf([
    { name: 'GTV', square: [1, 2] },
    { name: 'GTV', square: [1, 2], height: 2 },
  ]);
  expect(pixels).toBe(4);
  expect(said).toBe('masks: structures 1 with GTV; 1 of its 2 contours lie on none of the slices that are here');
});
