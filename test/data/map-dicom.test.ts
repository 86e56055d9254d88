import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import type { Source } from '../../src/core/contracts/index.ts';
import { tensor } from '../../src/core/tensor.ts';
import { decimals, item, parseDicomFile, text } from '../../src/data/dicom/dataset.ts';
import { scanFiles } from '../../src/data/dicom/scan.ts';
import { dicomOfPicture } from '../../src/data/dicom/write-capture.ts';
import { decimalText } from '../../src/data/dicom/write-elements.ts';
import { dicomOfMap } from '../../src/data/dicom/write-map.ts';
import { openFile } from '../../src/data/open-file.ts';
import { put, temporaryFolder } from './images.ts';

const golden = resolve(import.meta.dirname, '../golden/dicom');
const base = temporaryFolder();
const { readers } = builtinRegistry();
const FACTS = { patient: 'patient-0123456789', description: 'lime of covid', at: new Date(0), software: '1.2.3' };

const sourceOf = async (name: string): Promise<Source> => {
  const { source } = await (await openFile(join(golden, name), readers)).load();
  // The golden files have no frame of reference.
  return { ...source, dicom: { ...source.dicom!, frameOfReference: '1.2.3.4' } };
};
const mapOf = ({ pixels }: Source) =>
  tensor(
    pixels.shape,
    pixels.data.map((_, i) => Math.sin(i) * 1e-3),
  );

describe('a map as a DICOM Parametric Map', () => {
  it('has the slice’s study, place and number, and the map’s values to the bit', async () => {
    const source = await sourceOf('syntax/explicit.dcm');
    const map = mapOf(source);
    const { set, bytes, transferSyntax } = parseDicomFile(dicomOfMap(map, source, FACTS));
    expect(transferSyntax).toBe('1.2.840.10008.1.2.1');
    expect(text(set, 'x00080016')).toBe('1.2.840.10008.5.1.4.1.1.30');
    const own = parseDicomFile(readFileSync(join(golden, 'syntax/explicit.dcm'))).set;
    expect(text(set, 'x0020000d')).toBe(text(own, 'x0020000d'));
    expect(text(set, 'x0020000e')).not.toBe(text(own, 'x0020000e'));
    const [shared, frame] = [item(set, 'x52009229'), item(set, 'x52009230')];
    const referred = item(item(shared, 'x00089124'), 'x00082112')!;
    expect(text(referred, 'x00081155')).toBe(text(own, 'x00080018'));
    expect(decimals(item(frame, 'x00209113')!, 'x00200032')).toEqual(decimals(own, 'x00200032'));
    expect(decimals(item(shared, 'x00209116')!, 'x00200037')).toEqual(decimals(own, 'x00200037'));
    expect(decimals(item(shared, 'x00289110')!, 'x00280030')).toEqual(decimals(own, 'x00280030'));
    const pixels = set.elements['x7fe00008']!;
    const values = Buffer.from(bytes.subarray(pixels.dataOffset, pixels.dataOffset + pixels.length));
    expect(values).toEqual(Buffer.from(map.data.buffer));
  });

  it('refers to the frame of a file with several, counted from 1', async () => {
    const { source } = await (await openFile(join(golden, 'frames/multi-frame.dcm'), readers, { slice: 1 })).load();
    expect(source.dicom).toMatchObject({ frame: 1 });
    const placed = {
      ...source,
      placement: source.placement ?? {
        origin: [0, 0, 0] as const,
        axes: [
          [0, 1, 0],
          [1, 0, 0],
        ] as const,
      },
      spacing: source.spacing ?? [1, 1],
      dicom: { ...source.dicom!, frameOfReference: '1.2' },
    };
    const { set } = parseDicomFile(dicomOfMap(mapOf(source), placed, FACTS));
    const referred = item(item(item(set, 'x52009229'), 'x00089124'), 'x00082112')!;
    expect(text(referred, 'x00081160')).toBe('2');
  });

  it('carries no name, number or date of the patient', async () => {
    const name = 'study/Doe Jane/SECRET-4711/IM0001';
    const written = Buffer.from(dicomOfMap(tensor([10, 12]), await sourceOf(name), FACTS)).toString('latin1');
    expect(written).not.toMatch(/doe|jane|secret|4711/i);
    expect(written).toContain('patient-0123456789');
  });

  it('is passed over where DICOM files are read, with the reason', async () => {
    const source = await sourceOf('syntax/explicit.dcm');
    put(base, 'map.dcm', Buffer.from(dicomOfMap(mapOf(source), source, FACTS)));
    const { images, leftOut } = await scanFiles([{ id: 'map.dcm', path: join(base, 'map.dcm') }], []);
    expect(images).toEqual([]);
    expect(leftOut[0]!.reason).toMatch(/parametric map/);
  });

  it('stands in one series with others of its scan and group, and has its number there', async () => {
    const series = async (facts: object, slice: number) => {
      const source = await sourceOf('syntax/explicit.dcm');
      const dicom = { ...source.dicom!, instance: `1.2.3.${slice}` };
      const { set } = parseDicomFile(dicomOfMap(mapOf(source), { ...source, dicom }, { ...FACTS, ...facts }));
      return ['x0020000e', 'x00080018', 'x00200013'].map(tag => text(set, tag));
    };
    const group = 'run 1';
    const [one, two, other] = [
      await series({ group, number: 1 }, 1),
      await series({ group, number: 2 }, 2),
      await series({ group: 'run 2' }, 1),
    ];
    expect(two[0]).toBe(one[0]);
    expect(two[1]).not.toBe(one[1]);
    expect([one[2], two[2]]).toEqual(['1', '2']);
    expect(other[0]).not.toBe(one[0]);
    expect((await series({}, 1))[0]).not.toBe((await series({}, 2))[0]);
  });

  it('is refused where the scan’s file has no number of its own, which is said', async () => {
    const source = await sourceOf('syntax/explicit.dcm');
    const nameless = { ...source, dicom: { ...source.dicom!, instance: '' } };
    expect(() => dicomOfMap(mapOf(source), nameless, FACTS)).toThrow(/lacks its own number \(SOP Instance UID\)/);
    const both = { ...source, dicom: { ...source.dicom!, instance: '', study: '' } };
    expect(() => dicomOfMap(mapOf(source), both, FACTS)).toThrow(/Study Instance UID\) and its own number/);
  });

  it('is refused where the scan says no place, or is no DICOM file', async () => {
    const { dicom, ...plain } = await sourceOf('syntax/explicit.dcm');
    expect(() => dicomOfMap(mapOf(plain), plain, FACTS)).toThrow(/no DICOM file/);
    const { frameOfReference: _, ...rest } = dicom!;
    expect(() => dicomOfMap(mapOf(plain), { ...plain, dicom: rest }, FACTS)).toThrow(/frame of reference/);
  });
});

it('a picture of a slice under its map is a Secondary Capture of the slice’s study that refers to it', async () => {
  const source = await sourceOf('syntax/explicit.dcm');
  const [h, w] = source.pixels.shape as [number, number];
  const rgb = Uint8Array.from({ length: 3 * h * w }, (_, i) => (i * 7) % 256);
  const written = dicomOfPicture(rgb, source, { ...FACTS, derivation: 'orange: for' });
  const { set, bytes } = parseDicomFile(written);
  expect(text(set, 'x00080016')).toBe('1.2.840.10008.5.1.4.1.1.7');
  const own = parseDicomFile(readFileSync(join(golden, 'syntax/explicit.dcm'))).set;
  expect(text(set, 'x0020000d')).toBe(text(own, 'x0020000d'));
  expect(text(set, 'x0020000e')).not.toBe(text(own, 'x0020000e'));
  expect(text(item(set, 'x00082112')!, 'x00081155')).toBe(text(own, 'x00080018'));
  expect(text(item(item(set, 'x00081115')!, 'x0008114a')!, 'x00081155')).toBe(text(own, 'x00080018'));
  const pixels = set.elements['x7fe00010']!;
  expect(Buffer.from(bytes.subarray(pixels.dataOffset, pixels.dataOffset + rgb.length))).toEqual(Buffer.from(rgb));
  const { dicom: _, ...plain } = source;
  expect(() => dicomOfPicture(rgb, plain, { ...FACTS, derivation: '' })).toThrow(/no DICOM file/);
});

it('decimal strings have 16 characters at most, and are as close as these allow', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), value => {
      const written = decimalText(value);
      expect(written.length).toBeLessThanOrEqual(16);
      expect(Math.abs(Number(written) - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-8 + 1e-300);
    }),
  );
});
