const ZIGZAG = zigzag();

/**
 * A grey JPEG of 12 bits with quantisation by 1 and Huffman tables of codes that all have one length.
 * @param restart blocks between restart markers; 0: none
 */
export function encodeTwelveBits(
  pixels: readonly number[],
  width: number,
  height: number,
  restart: number,
): Uint8Array<ArrayBuffer> {
  const bytes = [0xff, 0xd8];
  const segment = (marker: number, ...body: number[]) =>
    bytes.push(0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body);
  segment(0xdb, 0, ...new Array<number>(64).fill(1));
  segment(0xc1, 12, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0);
  const sizes = Array.from({ length: 16 }, (_, i) => i);
  const symbols = Array.from({ length: 16 }, (_, run) => sizes.slice(0, 15).map(size => run * 16 + size)).flat();
  segment(0xc4, 0x00, ...counts(5, sizes.length), ...sizes);
  segment(0xc4, 0x10, ...counts(8, symbols.length), ...symbols);
  if (restart > 0) segment(0xdd, restart >> 8, restart & 255);
  segment(0xda, 1, 1, 0, 0, 63, 0);
  const blocks = blocksOf(pixels, width, height);
  let [held, count, before] = [0, 0, 0];
  const put = (value: number, size: number) => {
    for (let k = size - 1; k >= 0; k--) {
      held = held * 2 + ((value >> k) & 1);
      if (++count < 8) continue;
      bytes.push(held, ...(held === 255 ? [0] : []));
      [held, count] = [0, 0];
    }
  };
  const fill = () => {
    while (count > 0) put(1, 1);
  };
  const number = (value: number, size: number) => put(value < 0 ? value + 2 ** size - 1 : value, size);
  for (const [n, block] of blocks.entries()) {
    if (restart > 0 && n > 0 && n % restart === 0) {
      fill();
      bytes.push(0xff, 0xd0 + ((n / restart - 1) % 8));
      before = 0;
    }
    const size = sizeOf(block[0]! - before);
    put(size, 5);
    number(block[0]! - before, size);
    before = block[0]!;
    let run = 0;
    for (let k = 1; k < 64; k++) {
      if (block[k] === 0) {
        run++;
        continue;
      }
      for (; run > 15; run -= 16) put(symbols.indexOf(0xf0), 8);
      put(symbols.indexOf(run * 16 + sizeOf(block[k]!)), 8);
      number(block[k]!, sizeOf(block[k]!));
      run = 0;
    }
    if (run > 0) put(symbols.indexOf(0), 8);
  }
  fill();
  bytes.push(0xff, 0xd9);
  return Uint8Array.from(bytes);
}

function counts(length: number, number: number): number[] {
  return Array.from({ length: 16 }, (_, i) => (i + 1 === length ? number : 0));
}

function sizeOf(value: number): number {
  return value === 0 ? 0 : Math.floor(Math.log2(Math.abs(value))) + 1;
}

/** Coefficients of all blocks in zigzag order; blocks at the edge repeat the last row and column. */
function blocksOf(pixels: readonly number[], width: number, height: number): number[][] {
  const blocks: number[][] = [];
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      const at = (x: number, y: number) =>
        pixels[Math.min(height - 1, top + y) * width + Math.min(width - 1, left + x)]! - 2048;
      blocks.push(ZIGZAG.map(([u, v]) => Math.round(coefficient(at, u, v))));
    }
  }
  return blocks;
}

function coefficient(at: (x: number, y: number) => number, u: number, v: number): number {
  const scale = (u === 0 ? Math.SQRT1_2 : 1) * (v === 0 ? Math.SQRT1_2 : 1) * 0.25;
  let sum = 0;
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      sum += at(x, y) * Math.cos(((2 * x + 1) * u * Math.PI) / 16) * Math.cos(((2 * y + 1) * v * Math.PI) / 16);
    }
  }
  return sum * scale;
}

/** [u, v] along the diagonals. */
function zigzag(): [number, number][] {
  const all = Array.from({ length: 64 }, (_, i): [number, number] => [i % 8, Math.floor(i / 8)]);
  const along = ([u, v]: readonly [number, number]) => ((u + v) % 2 === 0 ? u : v);
  return all.sort((a, b) => a[0] + a[1] - b[0] - b[1] || along(a) - along(b));
}
