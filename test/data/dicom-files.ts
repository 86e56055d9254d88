import { type ElementList, joined, writeElements } from '../../src/data/dicom/write-elements.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';

/** A DICOM file of a patient called Erika Mustermann, number 4711, unless elements say otherwise. */
export function dicomFile(sopClass: string, elements: ElementList): Buffer {
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
  const all = new Map([...common, ...elements].map(element => [element[0], element]));
  return Buffer.from(joined([preamble, meta, writeElements([...all.values()])]));
}

/** A slice of 8 × 8 pixels of 1 mm with its first pixel at the origin, unless elements say otherwise. */
export function dicomSlice(instance: string, changed: ElementList = []): Buffer {
  return dicomFile(CT, [
    ['00080018', 'UI', instance],
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
    ...changed,
  ]);
}
