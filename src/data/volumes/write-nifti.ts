import { gzipSync } from 'node:zlib';
import type { Source } from '../../core/contracts/index.ts';
import { planar, type Tensor } from '../../core/tensor.ts';

const HEADER = 348;
/** Header, four bytes of extensions (none), then the values. */
const FIRST_VALUE = 352;
const FLOAT32 = 16;
const MILLIMETRES = 2;
/** Coordinates of the scanner. */
const SCANNER = 1;
/** Of a slice whose thickness the file does not say. */
const THICKNESS_MM = 1;

/**
 * Values of one slice, such as a map, as a NIfTI-1 volume of one slice (float32, gzip), which viewers lay over the scan: columns are
 * the first axis, rows the second, and the sform is the slice's place in the patient. Where the source has no place, the
 * spacing alone is written, and no sform.
 * @param map [h, w] on the source's pixels
 * @param what said in the file's description, at most 79 letters
 * @param source what the map is of: its spacing, its place, and `thicknessMm` of its acquisition
 */
export function niftiOfMap(
  map: Tensor,
  source: Pick<Source, 'spacing' | 'placement' | 'acquisition'>,
  what = 'attribution map',
): Uint8Array {
  const [h, w] = planar(map.shape);
  const [rowMm, columnMm] = planar(source.spacing ?? [1, 1]);
  const said = Number(source.acquisition?.['thicknessMm']);
  const thickness = said > 0 ? said : THICKNESS_MM;
  const bytes = Buffer.alloc(FIRST_VALUE + 4 * h * w);
  bytes.writeInt32LE(HEADER, 0);
  [3, w, h, 1, 1, 1, 1, 1].forEach((n, i) => {
    bytes.writeInt16LE(n, 40 + 2 * i);
  });
  bytes.writeInt16LE(FLOAT32, 70);
  bytes.writeInt16LE(32, 72);
  [1, columnMm, rowMm, thickness, 0, 0, 0, 0].forEach((mm, i) => {
    bytes.writeFloatLE(mm, 76 + 4 * i);
  });
  bytes.writeFloatLE(FIRST_VALUE, 108);
  bytes.writeFloatLE(1, 112);
  bytes.writeUInt8(source.spacing ? MILLIMETRES : 0, 123);
  bytes.write(`${what}, ct-xai-bench`.slice(0, 79), 148, 'latin1');
  if (source.placement) writePlace(bytes, source.placement, [columnMm, rowMm, thickness]);
  bytes.write('n+1\0', 344, 'latin1');
  map.data.forEach((v, i) => {
    bytes.writeFloatLE(v, FIRST_VALUE + 4 * i);
  });
  return gzipSync(bytes);
}

/** The sform: from voxel numbers to millimetres towards the right, the front and the head (NIfTI's RAS; ours is LPS). */
function writePlace(
  bytes: Buffer,
  { origin, axes }: NonNullable<Source['placement']>,
  sides: readonly [number, number, number],
): void {
  const [down, right] = axes as readonly [Triple, Triple];
  const normal: Triple = [
    right[1] * down[2] - right[2] * down[1],
    right[2] * down[0] - right[0] * down[2],
    right[0] * down[1] - right[1] * down[0],
  ];
  bytes.writeInt16LE(0, 252);
  bytes.writeInt16LE(SCANNER, 254);
  for (let row = 0; row < 3; row++) {
    const sign = row < 2 ? -1 : 1;
    const values = [right[row]! * sides[0], down[row]! * sides[1], normal[row]! * sides[2], origin[row]!];
    values.forEach((v, i) => {
      bytes.writeFloatLE(sign * v, 280 + 16 * row + 4 * i);
    });
  }
}

type Triple = readonly [number, number, number];
