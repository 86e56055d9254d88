import sharp, { type OverlayOptions } from 'sharp';
import { planar, type Tensor } from '../../core/tensor.ts';

export interface SheetImage {
  /** [h, w] */
  readonly pixels: Tensor;
  /** [h, w] of 0 and 1; its outline is drawn. */
  readonly mask?: Tensor;
  /** Values that are shown black and white. */
  readonly window: readonly [number, number];
  /** Lines below the image. */
  readonly lines: readonly string[];
}

const CELL = 200;
const GAP = 10;
const LINE = 15;
/** Letters that fit into a line below an image. */
const LETTERS = 31;
const OUTLINE = [255, 200, 0];

/** A PNG with all images in rows, each in its window with the outline of its mask. */
export async function drawSheet(images: readonly SheetImage[]): Promise<Uint8Array> {
  const columns = Math.ceil(Math.sqrt(images.length * 1.4));
  const rows = Math.ceil(images.length / columns);
  const cell = { width: CELL + GAP, height: CELL + 2 * LINE + GAP };
  const size = { width: GAP + columns * cell.width, height: GAP + rows * cell.height };
  const place = (k: number) => ({
    left: GAP + (k % columns) * cell.width,
    top: GAP + Math.floor(k / columns) * cell.height,
  });
  const layers: OverlayOptions[] = [];
  for (const [k, image] of images.entries()) {
    const [h, w] = planar(image.pixels.shape);
    const input = await sharp(coloured(image), { raw: { width: w, height: h, channels: 3 } })
      .resize({ width: CELL, height: CELL, fit: 'contain', background: '#000000' })
      .png()
      .toBuffer();
    layers.push({ input, ...place(k) });
  }
  const text = images.flatMap(({ lines }, k) => {
    const { left, top } = place(k);
    return lines.map(
      (line, i) =>
        `<text x="${left}" y="${top + CELL + LINE * (i + 0.85)}" font-size="11" fill="#222222" ` +
        `font-family="DejaVu Sans, Liberation Sans, Helvetica, Arial, sans-serif">${markup(shortened(line))}</text>`,
    );
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}">${text.join('')}</svg>`;
  layers.push({ input: Buffer.from(svg), left: 0, top: 0 });
  return sharp({ create: { ...size, channels: 3, background: '#ffffff' } })
    .composite(layers)
    .png()
    .toBuffer();
}

function coloured({ pixels, mask, window: [low, high] }: SheetImage): Uint8Array {
  const [h, w] = planar(pixels.shape);
  const out = new Uint8Array(3 * h * w);
  for (let i = 0; i < h * w; i++) {
    const grey = Math.round(255 * Math.min(1, Math.max(0, (pixels.data[i]! - low) / (high - low))));
    out.set(mask && isEdge(mask, i, h, w) ? OUTLINE : [grey, grey, grey], 3 * i);
  }
  return out;
}

/** Inside the mask, with a neighbour that is not. */
function isEdge({ data }: Tensor, i: number, h: number, w: number): boolean {
  if (!(data[i]! > 0)) return false;
  const [y, x] = [Math.floor(i / w), i % w];
  const out = (yy: number, xx: number) => yy < 0 || xx < 0 || yy >= h || xx >= w || !(data[yy * w + xx]! > 0);
  return out(y - 1, x) || out(y + 1, x) || out(y, x - 1) || out(y, x + 1);
}

/** The end of a long path says more than its beginning. */
function shortened(line: string): string {
  return line.length > LETTERS ? `…${line.slice(1 - LETTERS)}` : line;
}

function markup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
