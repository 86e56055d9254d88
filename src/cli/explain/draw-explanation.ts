import sharp, { type OverlayOptions } from 'sharp';
import type { Tensor } from '../../core/tensor.ts';
import { NEGATIVE, OPAQUE, overlayPixels, POSITIVE, scaleEnd } from '../../reports/summary/heatmap.ts';

const PANEL = 448;
const GAP = 16;
const LINE = 24;
const BAR = 18;
const BAR_TEXT = 84;
const TEXT = '#222222';

export interface Drawing {
  /** [h, w] in 0…1. */
  readonly view: Tensor;
  /** [h, w], signed. */
  readonly map: Tensor;
  /** Lines above the panels. */
  readonly title: readonly string[];
}

/** A PNG: the image, the same under the map, and a colour bar with its numbers. */
export async function drawExplanation({ view, map, title }: Drawing): Promise<Uint8Array> {
  const [h, w] = [view.shape[0]!, view.shape[1]!];
  const scale = PANEL / Math.max(h, w);
  const [height, width] = [Math.round(h * scale), Math.round(w * scale)];
  const top = GAP + LINE * title.length + GAP / 2;
  const size = { width: 3 * GAP + 2 * width + GAP + BAR + BAR_TEXT, height: top + height + GAP };
  const end = scaleEnd(map);
  const enlarge = { width, height, fit: 'fill', kernel: 'cubic' } as const;
  const grey = await sharp(bytesOf(view), { raw: { width: w, height: h, channels: 1 } })
    .resize(enlarge)
    .png()
    .toBuffer();
  // Nearest: a map's pixels are what was computed.
  const colours = await sharp(overlayPixels(map, end), { raw: { width: w, height: h, channels: 4 } })
    .resize({ ...enlarge, kernel: 'nearest' })
    .png()
    .toBuffer();
  const layers: OverlayOptions[] = [
    { input: grey, left: GAP, top },
    { input: grey, left: 2 * GAP + width, top },
    { input: colours, left: 2 * GAP + width, top },
    { input: Buffer.from(annotations(title, { ...size, top, panel: [height, width], end })), left: 0, top: 0 },
  ];
  return sharp({ create: { ...size, channels: 3, background: '#ffffff' } })
    .composite(layers)
    .png()
    .toBuffer();
}

function bytesOf(view: Tensor): Uint8Array {
  return Uint8Array.from(view.data, v => Math.round(255 * Math.min(1, Math.max(0, v))));
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly top: number;
  readonly panel: readonly [number, number];
  readonly end: number;
}

/** The title and the colour bar as SVG. */
function annotations(title: readonly string[], { width, height, top, panel: [h, w], end }: Frame): string {
  const left = 3 * GAP + 2 * w;
  const rgb = (colour: readonly number[]) => `rgb(${colour.join(',')})`;
  const text = (x: number, y: number, line: string, size = 15, weight = 400) =>
    `<text x="${x}" y="${y}" font-family="DejaVu Sans, Liberation Sans, Helvetica, Arial, sans-serif" ` +
    `font-size="${size}" font-weight="${weight}" fill="${TEXT}">${markup(line)}</text>`;
  const ticks = [1, 0.5, 0, -0.5, -1].map(f => {
    const y = top + (h * (1 - f)) / 2;
    return (
      `<line x1="${left + BAR}" x2="${left + BAR + 5}" y1="${y}" y2="${y}" stroke="${TEXT}"/>` +
      text(left + BAR + 9, Math.min(top + h, Math.max(top + 10, y + 5)), tick(f * end), 13)
    );
  });
  const most = Math.floor((width - 2 * GAP) / 8.5);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
<defs><linearGradient id="bar" x1="0" x2="0" y1="0" y2="1">
<stop offset="0" stop-color="${rgb(POSITIVE)}" stop-opacity="${OPAQUE}"/>
<stop offset="0.5" stop-color="${rgb(POSITIVE)}" stop-opacity="0"/>
<stop offset="0.5" stop-color="${rgb(NEGATIVE)}" stop-opacity="0"/>
<stop offset="1" stop-color="${rgb(NEGATIVE)}" stop-opacity="${OPAQUE}"/>
</linearGradient></defs>
${title.map((line, i) => text(GAP, GAP + LINE * (i + 0.7), line.length > most ? `${line.slice(0, most - 1)}…` : line, 15, i === 0 ? 700 : 400)).join('\n')}
<rect x="${left}" y="${top}" width="${BAR}" height="${h}" fill="#808080"/>
<rect x="${left}" y="${top}" width="${BAR}" height="${h}" fill="url(#bar)" stroke="${TEXT}" stroke-width="0.5"/>
${ticks.join('\n')}
</svg>`;
}

function tick(v: number): string {
  if (v === 0) return '0';
  const size = Math.abs(v);
  const text = size >= 1e-3 && size < 1e4 ? String(Number(size.toPrecision(3))) : size.toExponential(1);
  return `${v < 0 ? '−' : '+'}${text}`;
}

function markup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
