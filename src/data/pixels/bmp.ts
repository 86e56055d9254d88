/** A decoded bitmap: red, green, blue, row-major from the top left. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** What a bitmap's header says. @throws Error where the file ends within it */
export function bmpSize(file: Uint8Array): { readonly width: number; readonly height: number } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 54) throw new Error('it ends within its header');
  return { width: Math.max(0, view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
}

/**
 * Decodes an uncompressed Windows bitmap: 1, 4 or 8 bits by palette, 24 or 32 bits (the fourth byte is ignored),
 * bottom-up or top-down.
 * @throws Error saying what the file has that is not read.
 */
export function decodeBmp(file: Uint8Array): Bitmap {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const { height } = bmpSize(file);
  const pixels = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  if (headerSize < 40) throw new Error(`its header has ${headerSize} bytes; BITMAPINFOHEADER (40) or newer is read`);
  if (width <= 0 || height === 0) throw new Error(`its size is ${width} × ${height}`);
  if (![1, 4, 8, 24, 32].includes(bits)) throw new Error(`it has ${bits} bits a pixel; 1, 4, 8, 24 and 32 are read`);
  if (compression !== 0 && !(compression === 3 && bits === 32 && standardMasks(view))) {
    throw new Error(`it is compressed (method ${compression}); uncompressed bitmaps are read`);
  }
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (pixels + stride * height > file.length) {
    throw new Error(`it ends early: ${file.length} bytes of ${pixels + stride * height}`);
  }
  const colours = bits > 8 ? 0 : view.getUint32(46, true) || 2 ** bits;
  const palette = file.subarray(14 + headerSize, 14 + headerSize + 4 * colours);
  const rgb = new Uint8Array(width * height * 3);
  for (let row = 0, o = 0; row < height; row++) {
    const line = pixels + (signedHeight > 0 ? height - 1 - row : row) * stride;
    for (let x = 0; x < width; x++, o += 3) {
      const [from, at] = bits > 8 ? [file, line + x * (bits / 8)] : [palette, 4 * indexAt(file, line, x, bits)];
      if (at + 2 >= from.length) throw new Error('a pixel points outside its palette');
      rgb[o] = from[at + 2]!;
      rgb[o + 1] = from[at + 1]!;
      rgb[o + 2] = from[at]!;
    }
  }
  return { width, height, rgb };
}

function indexAt(file: Uint8Array, line: number, x: number, bits: number): number {
  const perByte = 8 / bits;
  const byte = file[line + Math.floor(x / perByte)]!;
  return (byte >> ((perByte - 1 - (x % perByte)) * bits)) & (2 ** bits - 1);
}

/** Whether BI_BITFIELDS says what plain 32-bit bitmaps mean. */
function standardMasks(view: DataView): boolean {
  return (
    view.byteLength >= 66 &&
    view.getUint32(54, true) === 0xff0000 &&
    view.getUint32(58, true) === 0xff00 &&
    view.getUint32(62, true) === 0xff
  );
}
