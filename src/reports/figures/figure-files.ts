import sharp from 'sharp';
import { FIGURES_FOLDER } from '../../results/folder.ts';
import type { Section } from '../page/section.ts';
import type { ReportFile } from '../summary/run-data.ts';
import { figureStyle } from './figure-style.ts';

/** A drawing of the report that stands by itself. */
export interface Figure {
  /** Of its files, without an ending. */
  readonly name: string;
  readonly svg: string;
}

/** A column of a journal: 460 units of a drawing are as wide. */
const COLUMN_MM = 89;
const COLUMN_UNITS = 460;
const DOTS_PER_INCH = 600;
const LEGEND = { row: 18, key: 34, character: 6.4, gap: 14 };

/** The report's drawings, with their legends, in the order of the page. The gallery's pictures are none. */
export function figuresOf(sections: readonly Section[]): Figure[] {
  const style = figureStyle();
  return sections
    .filter(({ id }) => id !== 'gallery')
    .flatMap(({ id, html }) =>
      [...html.markup.matchAll(/<figure>(<svg [\s\S]*?<\/svg>)(?:<ul class="legend">([\s\S]*?)<\/ul>)?/g)].map(
        ([, drawing, legend], k) => {
          const label = /aria-label="([^"]*)"/.exec(drawing!)?.[1] ?? id;
          return { name: [id, k + 1, slug(label)].join('-'), svg: standalone(drawing!, legend, label, style) };
        },
      ),
    );
}

/**
 * Figures as SVG, and as PNG of a journal column's width at 600 dots an inch. Where this machine has no fonts a PNG would
 * have no words: then there is none.
 */
export async function* figureFiles(sections: readonly Section[]): AsyncGenerator<ReportFile> {
  const drawsText = await canDrawText();
  for (const { name, svg } of figuresOf(sections)) {
    yield { file: `${FIGURES_FOLDER}/${name}.svg`, bytes: svg };
    if (drawsText) yield { file: `${FIGURES_FOLDER}/${name}.png`, bytes: await pngOf(svg) };
  }
}

/** Whether text can be drawn here at all: tried, since nothing else tells. */
async function canDrawText(): Promise<boolean> {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="15">Ag</text></svg>';
  const { channels } = await sharp(Buffer.from(svg)).stats();
  return channels.some(({ max }) => max > 0);
}

/** A figure on white paper. */
export function pngOf(svg: string): Promise<Buffer> {
  // Without millimetres, which sharp would scale twice.
  const units = svg.replace(
    /viewBox="0 0 ([\d.]+) ([\d.]+)" width="[^"]*" height="[^"]*"/,
    (_, w: string, h: string) => {
      return `viewBox="0 0 ${w} ${h}" width="${w}" height="${h}"`;
    },
  );
  const dots = ((COLUMN_MM / 25.4) * DOTS_PER_INCH) / COLUMN_UNITS;
  return sharp(Buffer.from(units), { density: 72 * dots })
    .flatten({ background: '#fff' })
    .withMetadata({ density: DOTS_PER_INCH })
    .png()
    .toBuffer();
}

/** The start of a sentence as a file's name. */
function slug(text: string): string {
  const plain = text.split(/[:.;]/, 1)[0]!.toLowerCase().replaceAll(/&\w+;/g, ' ');
  return (
    plain
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 60) || 'figure'
  );
}

function standalone(drawing: string, legend: string | undefined, label: string, style: string): string {
  const [, w, h] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(drawing) as unknown as [string, string, string];
  const content = drawing.slice(drawing.indexOf('>') + 1, drawing.lastIndexOf('</svg>'));
  const [width, height] = [Number(w), Number(h)];
  const keys = legend === undefined ? { height: 0, markup: '' } : drawLegend(legend, width, height);
  const all = height + keys.height;
  const mm = (units: number): string => `${((units * COLUMN_MM) / COLUMN_UNITS).toFixed(2)}mm`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${all}" width="${mm(width)}" height="${mm(all)}">` +
    `<title>${label}</title><style>${style}</style><rect width="${width}" height="${all}" fill="#fff"/>` +
    `${content}${keys.markup}</svg>\n`
  );
}

/** The legend's keys in rows below the drawing. */
function drawLegend(list: string, width: number, top: number): { readonly height: number; readonly markup: string } {
  let [x, y] = [8, top + LEGEND.row / 2];
  const parts: string[] = [];
  for (const [, key, label] of list.matchAll(/<li><svg[^>]*>([\s\S]*?)<\/svg>([\s\S]*?)<\/li>/g)) {
    const wide = LEGEND.key + label!.replaceAll(/&[^;]+;/g, '.').length * LEGEND.character + LEGEND.gap;
    if (x > 8 && x + wide > width) [x, y] = [8, y + LEGEND.row];
    parts.push(
      `<g transform="translate(${x.toFixed(1)} ${y - 5})">${key}<text x="${LEGEND.key}" y="9">${label}</text></g>`,
    );
    x += wide;
  }
  return { height: y + LEGEND.row - top, markup: parts.join('') };
}
