/** Zigzag order: where the k-th coefficient of a block stands, row by row. */
const ZIGZAG = [
  ...[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48],
  ...[41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23],
  ...[30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63],
];

/** COSINES[x · 8 + u] = c(u) / 2 · cos((2x + 1) u π / 16). */
const COSINES = Float64Array.from({ length: 64 }, (_, i) => {
  const [x, u] = [i >> 3, i & 7];
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
});

interface Huffman {
  /** By the code's length, 1 to 16: the first code, and the index of its value. */
  readonly first: Int32Array;
  readonly index: Int32Array;
  readonly counts: Uint8Array;
  readonly values: Uint8Array;
}

interface Frame {
  readonly precision: number;
  readonly width: number;
  readonly height: number;
  readonly quantisation: number;
}

/**
 * Decodes a grey JPEG of up to 12 bits with Huffman codes, sequential (ITU-T T.81, processes 1, 2 and 4). The inverse
 * cosine transform is computed in double precision, so that values differ from another decoder's by at most one.
 * @returns pixels of 16 bits, little end first.
 * @throws Error if the frame is damaged, coloured, or coded in another way.
 */
export function decodeExtended(bytes: Uint8Array) {
  const quantisation = new Map<number, Uint16Array>();
  const tables = new Map<number, Huffman>();
  let frame: Frame | undefined;
  let restart = 0;
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw new Error('it does not begin as a JPEG');
  for (let at = 2; ; ) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (bytes[at] !== 0xff || at + 4 > bytes.length) throw new Error('the JPEG ends before its pixels');
    const marker = bytes[at + 1]!;
    const end = at + 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
    if (end > bytes.length || end < at + 4) throw new Error('a part of the JPEG is cut off');
    const part = bytes.subarray(at + 4, end);
    if (marker === 0xdb) readQuantisation(part, quantisation);
    else if (marker === 0xc4) readHuffman(part, tables);
    else if (marker === 0xc0 || marker === 0xc1) frame = readFrame(part);
    else if (marker === 0xdd) restart = part[0]! * 256 + part[1]!;
    else if (marker === 0xda) {
      const [dc, ac] = [tables.get(part[2]! >> 4), tables.get(16 + (part[2]! & 15))];
      const steps = frame && quantisation.get(frame.quantisation);
      if (!frame || !steps || !dc || !ac) throw new Error('the JPEG lacks tables that its pixels need');
      const { width, height } = frame;
      const pixels = decodeScan(bytes.subarray(end), { frame, steps, dc, ac, restart });
      return { pixels: new Uint8Array(pixels.buffer), info: { width, height, componentCount: 1 } };
    } else if (marker >= 0xc2 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) {
      throw new Error('the JPEG is progressive or arithmetic, which is not read');
    }
    at = end;
  }
}

function readQuantisation(part: Uint8Array, into: Map<number, Uint16Array>): void {
  for (let at = 0; at < part.length; ) {
    const wide = part[at]! >> 4 ? 2 : 1;
    if (at + 1 + 64 * wide > part.length) throw new Error('a quantisation table is cut off');
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      const i = at + 1 + k * wide;
      table[k] = wide === 2 ? part[i]! * 256 + part[i + 1]! : part[i]!;
    }
    into.set(part[at]! & 15, table);
    at += 1 + 64 * wide;
  }
}

function readHuffman(part: Uint8Array, into: Map<number, Huffman>): void {
  for (let at = 0; at < part.length; ) {
    const counts = Uint8Array.of(0, ...part.subarray(at + 1, at + 17));
    const total = counts.reduce((a, b) => a + b, 0);
    if (counts.length < 17 || at + 17 + total > part.length) throw new Error('a Huffman table is cut off');
    const [first, index] = [new Int32Array(17), new Int32Array(17)];
    for (let length = 1, code = 0, k = 0; length <= 16; length++) {
      first[length] = code;
      index[length] = k;
      code = (code + counts[length]!) << 1;
      k += counts[length]!;
    }
    into.set(part[at]!, { first, index, counts, values: part.slice(at + 17, at + 17 + total) });
    at += 17 + total;
  }
}

function readFrame(part: Uint8Array): Frame {
  if (part.length < 9 || part[5] !== 1) throw new Error('the JPEG is coloured, or its frame is cut off');
  const precision = part[0]!;
  if (precision !== 8 && precision !== 12) throw new Error(`the JPEG has ${precision} bits`);
  const [height, width] = [part[1]! * 256 + part[2]!, part[3]! * 256 + part[4]!];
  return { precision, height, width, quantisation: part[8]! };
}

interface Scan {
  readonly frame: Frame;
  readonly steps: Uint16Array;
  readonly dc: Huffman;
  readonly ac: Huffman;
  /** Blocks between restart markers; 0: none. */
  readonly restart: number;
}

function decodeScan(bytes: Uint8Array, { frame, steps, dc, ac, restart }: Scan): Uint16Array {
  const { width, height, precision } = frame;
  const [across, down] = [Math.ceil(width / 8), Math.ceil(height / 8)];
  const out = new Uint16Array(width * height);
  const bits = bitReader(bytes);
  const block = new Float64Array(64);
  let before = 0;
  for (let n = 0; n < across * down; n++) {
    if (restart > 0 && n > 0 && n % restart === 0) {
      bits.restart();
      before = 0;
    }
    block.fill(0);
    before += bits.signed(bits.symbol(dc));
    block[0] = before * steps[0]!;
    for (let k = 1; k < 64; k++) {
      const symbol = bits.symbol(ac);
      const size = symbol & 15;
      if (size === 0 && symbol !== 0xf0) break;
      k += symbol >> 4;
      if (k > 63) throw new Error('a block of the JPEG is damaged');
      block[ZIGZAG[k]!] = size === 0 ? 0 : bits.signed(size) * steps[k]!;
    }
    place(transformed(block), (n % across) * 8, Math.floor(n / across) * 8);
  }
  return out;

  function place(samples: Float64Array, left: number, top: number): void {
    const [middle, most] = [2 ** (precision - 1), 2 ** precision - 1];
    for (let y = 0; y < 8 && top + y < height; y++) {
      for (let x = 0; x < 8 && left + x < width; x++) {
        const value = Math.round(samples[y * 8 + x]!) + middle;
        out[(top + y) * width + left + x] = Math.min(most, Math.max(0, value));
      }
    }
  }
}

/** The inverse cosine transform of one block: columns, then rows. */
function transformed(block: Float64Array): Float64Array {
  const columns = new Float64Array(64);
  const out = new Float64Array(64);
  for (let y = 0; y < 8; y++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let v = 0; v < 8; v++) sum += COSINES[y * 8 + v]! * block[v * 8 + u]!;
      columns[y * 8 + u] = sum;
    }
  }
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      let sum = 0;
      for (let u = 0; u < 8; u++) sum += COSINES[x * 8 + u]! * columns[y * 8 + u]!;
      out[y * 8 + x] = sum;
    }
  }
  return out;
}

/** Bits of entropy-coded bytes, in which 0xff is followed by a zero that does not count. */
function bitReader(bytes: Uint8Array) {
  let [at, held, count] = [0, 0, 0];

  function bit(): number {
    if (count === 0) {
      if (at >= bytes.length) throw new Error('the pixels of the JPEG are cut off');
      held = bytes[at++]!;
      if (held === 0xff) {
        if (bytes[at] !== 0) throw new Error('the pixels of the JPEG end early');
        at++;
      }
      count = 8;
    }
    count--;
    return (held >> count) & 1;
  }

  return {
    symbol({ first, index, counts, values }: Huffman): number {
      let code = 0;
      for (let length = 1; length <= 16; length++) {
        code = (code << 1) | bit();
        const offset = code - first[length]!;
        if (offset < counts[length]!) return values[index[length]! + offset]!;
      }
      throw new Error('the pixels of the JPEG hold a code that its table lacks');
    },
    /** A number of `size` bits in the form of T.81, F.1.2.1: half of them are negative. */
    signed(size: number): number {
      if (size === 0) return 0;
      if (size > 16) throw new Error('the pixels of the JPEG are damaged');
      let value = 0;
      for (let k = 0; k < size; k++) value = value * 2 + bit();
      return value < 2 ** (size - 1) ? value - 2 ** size + 1 : value;
    },
    restart(): void {
      count = 0;
      while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1]! >= 0xd0 && bytes[at + 1]! <= 0xd7)) at++;
      at += 2;
    },
  };
}
