import { joined, writeElements } from '../dist/data/dicom/write-elements.js';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';

/** A CT slice of `side`² pixels as a DICOM file: one patient and study a series, slices 2 mm apart. */
export function ctSlice({ series, slice, side }) {
  const instance = `1.2.3.${series + 1}.${slice + 1}`;
  const meta = writeElements([
    ['00020002', 'UI', CT],
    ['00020003', 'UI', instance],
    ['00020010', 'UI', EXPLICIT],
  ]);
  const preamble = new Uint8Array(132);
  preamble.set([0x44, 0x49, 0x43, 0x4d], 128);
  const set = writeElements([
    ['00080008', 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
    ['00080016', 'UI', CT],
    ['00080018', 'UI', instance],
    ['00080060', 'CS', 'CT'],
    ['00080070', 'LO', 'Maker'],
    ['00100020', 'LO', `P-${String(series).padStart(5, '0')}`],
    ['00101010', 'AS', '050Y'],
    ['00180050', 'DS', 2],
    ['00181210', 'SH', 'B41s'],
    ['0020000d', 'UI', `1.2.3.${series + 1}`],
    ['0020000e', 'UI', `1.2.4.${series + 1}`],
    ['00200013', 'IS', String(slice + 1)],
    ['00200032', 'DS', [-180, -180, 2 * slice]],
    ['00200037', 'DS', [1, 0, 0, 0, 1, 0]],
    ['00280002', 'US', 1],
    ['00280004', 'CS', 'MONOCHROME2'],
    ['00280010', 'US', side],
    ['00280011', 'US', side],
    ['00280030', 'DS', [360 / side, 360 / side]],
    ['00280100', 'US', 16],
    ['00280101', 'US', 16],
    ['00280102', 'US', 15],
    ['00280103', 'US', 0],
    ['00281052', 'DS', -1024],
    ['00281053', 'DS', 1],
    ['7fe00010', 'OW', pixelsOf(series, slice, side)],
  ]);
  return joined([preamble, writeElements([['00020000', 'UL', meta.length]]), meta, set]);
}

/** A disc of soft tissue in air, with the slice's number in it, so that no two are alike. */
function pixelsOf(series, slice, side) {
  const stored = new Uint16Array(side * side);
  for (let i = 0; i < stored.length; i++) {
    const [y, x] = [Math.floor(i / side) - side / 2, (i % side) - side / 2];
    stored[i] = Math.hypot(x, y) < side / 3 ? 1064 + ((i * 7 + slice) % 50) + (series % 100) : 24;
  }
  return new Uint8Array(stored.buffer);
}
