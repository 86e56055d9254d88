import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ElementList } from '../../src/data/dicom/write-elements.ts';
import { dicom } from '../../src/data/readers/dicom.ts';
import { dicomFile, dicomSlice } from './dicom-files.ts';
import { put, temporaryFolder } from './images.ts';

const base = temporaryFolder();
const [SEGMENTATION, LABEL_MAP] = ['1.2.840.10008.5.1.4.1.1.66.4', '1.2.840.10008.5.1.4.1.1.66.7'];
const [ALTERED, ANATOMICAL] = ['49755003', '91723000'];

interface Segment {
  readonly name: string;
  readonly category?: string;
}

interface Drawn {
  readonly segments?: readonly Segment[];
  /** A label map's numbers, or 1 where the only segment is. */
  readonly pixels: readonly (readonly number[])[];
  readonly labelMap?: boolean;
  /** Of the first pixel, and of rows and columns. */
  readonly position?: readonly number[];
  readonly orientation?: readonly number[];
  readonly spacing?: readonly number[];
  /** Image that it names as its source. */
  readonly source?: string;
  /** Elements at its top. */
  readonly changed?: ElementList;
}

/** A segmentation of one frame, of bytes: fractions of 1, or a label map. */
function segmentation(drawn: Drawn): Buffer {
  const { segments = [{ name: 'x' }], pixels, labelMap = false, source, changed = [] } = drawn;
  const { position = [0, 0, 0], orientation = [1, 0, 0, 0, 1, 0], spacing = [1, 1] } = drawn;
  const bytes = Uint8Array.from(pixels.flat());
  const derivation: ElementList =
    source === undefined ? [] : [['00089124', 'SQ', [[['00082112', 'SQ', [[['00081155', 'UI', source]]]]]]]];
  const frame: ElementList = [
    ['00209113', 'SQ', [[['00200032', 'DS', position]]]],
    ['00209116', 'SQ', [[['00200037', 'DS', orientation]]]],
    ['00289110', 'SQ', [[['00280030', 'DS', spacing]]]],
    ...derivation,
    ...(labelMap ? [] : ([['0062000a', 'SQ', [[['0062000b', 'US', 1]]]]] as ElementList)),
  ];
  return dicomFile(labelMap ? LABEL_MAP! : SEGMENTATION!, [
    ['00080018', 'UI', '1.2.3.99'],
    ['00080060', 'CS', 'SEG'],
    ['0020000e', 'UI', '1.2.7'],
    ['00280002', 'US', 1],
    ['00280004', 'CS', labelMap ? 'PALETTE COLOR' : 'MONOCHROME2'],
    ['00280008', 'IS', '1'],
    ['00280010', 'US', pixels.length],
    ['00280011', 'US', pixels[0]!.length],
    ['00280100', 'US', 8],
    ['00620001', 'CS', labelMap ? 'LABELMAP' : 'FRACTIONAL'],
    ['0062000e', 'US', 1],
    [
      '00620002',
      'SQ',
      segments.map(
        ({ name, category = ALTERED! }, i): ElementList => [
          ['00620003', 'SQ', [[['00080100', 'SH', category]]]],
          ['00620004', 'US', labelMap ? i : i + 1],
          ['00620005', 'LO', name],
        ],
      ),
    ],
    ['52009230', 'SQ', [frame]],
    ['7fe00010', 'OB', bytes],
    ...changed,
  ]);
}

let folders = 0;

/** Pixels of the mask of a slice of 8 × 8, as 'row,column'; undefined: it has none. */
async function inside(drawn: Drawn, options: object = {}): Promise<{ pixels?: string[]; said: string }> {
  const folder = `case-${folders++}`;
  put(base, `${folder}/slice.dcm`, dicomSlice('1.2.3.1'));
  put(base, `${folder}/seg.dcm`, segmentation(drawn));
  const dataset = await dicom.open(dicom.options.parse({ path: join(base, folder), ...options }), { base });
  const said = dataset.remarks!.find(r => r.startsWith('masks:'))!;
  for await (const sample of dataset.samples()) {
    const { mask } = await sample.load();
    if (!mask) return { said };
    const pixels = [...mask.data].flatMap((v, i) => (v > 0 ? [`${Math.floor(i / 8)},${i % 8}`] : []));
    return { pixels, said };
  }
  throw new Error('no slice');
}

/** 8 × 8 pixels that are 1 where they are named. */
const at = (...pixels: readonly (readonly [number, number])[]) =>
  Array.from({ length: 8 }, (_, r) =>
    Array.from({ length: 8 }, (_, c) => (pixels.some(([a, b]) => a === r && b === c) ? 1 : 0)),
  );

it.each<[string, Partial<Drawn>, string[]]>([
  ['the same place', {}, ['2,3']],
  ['another place', { position: [1, 2, 0] }, ['4,4']],
  ['another place, though it names its image', { position: [1, 2, 0], source: '1.2.3.1' }, ['4,4']],
  ['rows from below', { position: [0, 7, 0], orientation: [1, 0, 0, 0, -1, 0] }, ['5,3']],
  ['rows and columns changed over', { orientation: [0, 1, 0, 1, 0, 0] }, ['3,2']],
  ['pixels of twice the size', { spacing: [2, 2], position: [0.5, 0.5, 0] }, ['4,6', '4,7', '5,6', '5,7']],
])('a segmentation with %s lies where it says', async (_, changed, pixels) => {
  expect((await inside({ pixels: at([2, 3]), ...changed })).pixels).toEqual(pixels);
});

it('a segmentation of a part of the image is laid over that part', async () => {
  const pixels = [
    [1, 0, 0],
    [0, 0, 1],
  ];
  expect((await inside({ pixels, position: [4, 3, 0] })).pixels).toEqual(['3,4', '4,6']);
});

it('a segmentation across the image is refused', async () => {
  const drawn = { pixels: at([2, 3]), orientation: [1, 0, 0, 0, 0, 1], source: '1.2.3.1' };
  await expect(inside(drawn)).rejects.toThrow(/its segmentation seg\.dcm: it lies across the image/);
});

it.each<[string, ElementList]>([
  ['another frame of reference', [['00200052', 'UI', '1.2.10']]],
  [
    'another patient and no frame of reference',
    [
      ['00200052', 'UI', ''],
      ['00100020', 'LO', '1'],
    ],
  ],
])('a segmentation of %s that names no image is on none', async (_, changed) => {
  const { pixels, said } = await inside({ pixels: at([2, 3]), changed });
  expect(pixels).toBeUndefined();
  expect(said).toMatch(/drawn on none of the slices/);
});

const labelled = (a: number, b: number) =>
  at([1, 1], [2, 2]).map((row, r) => row.map(v => (v ? (r === 1 ? a : b) : 0)));

it.each<[string, readonly Segment[], object, string[], string]>([
  ['all segments', [{ name: 'Background' }, { name: 'a' }, { name: 'b' }], {}, ['1,1', '2,2'], 'with a, b'],
  [
    'what is altered tissue',
    [{ name: 'Background' }, { name: 'lung', category: ANATOMICAL! }, { name: 'nodule' }],
    {},
    ['2,2'],
    'with nodule; passed by: lung',
  ],
  [
    'what is named',
    [{ name: 'Background' }, { name: 'a' }, { name: 'b' }],
    { structures: ['A'] },
    ['1,1'],
    'with a; passed by: b',
  ],
])('of a label map, %s is the mask', async (_, segments, options, pixels, told) => {
  const found = await inside({ segments, pixels: labelled(1, 2), labelMap: true }, options);
  expect(found.pixels).toEqual(pixels);
  expect(found.said).toBe(`masks: segmentation 1 ${told}`);
});

it('of segments of one name, the altered tissue is taken', async () => {
  const segments = [{ name: 'x', category: ANATOMICAL! }, { name: 'x' }];
  const { pixels, said } = await inside({ segments, pixels: at([2, 3]) });
  expect(pixels ?? []).toEqual([]);
  expect(said).toMatch(/^masks: segmentation 1 with x; passed by: x/);
});
