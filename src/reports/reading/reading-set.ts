import sharp from 'sharp';
import { jsonDigest } from '../../core/digest.ts';
import { createRng } from '../../core/rng.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Manifest } from '../../results/rows.ts';
import type { RunSummary } from '../summary/collect.ts';
import { overlayPixels, scaleEnd } from '../summary/heatmap.ts';
import { isPrimary, positiveOf } from '../summary/primary.ts';

/** Ratings that a reader gives, from 1 on. */
export const RATINGS = 5;
/** Least height of a picture, in pixels. */
const LEAST_HEIGHT = 512;
const GAP = 8;

/** One picture to rate: an image and a map over it. Which, only the key says. */
export interface ReadingItem {
  readonly item: string;
  readonly model: string;
  readonly sample: string;
  readonly method: string;
  /** The class explained, which readers are told. */
  readonly target: string;
}

/** What stays with the run, so that ratings find their maps again. */
export interface ReadingKey {
  readonly set: string;
  readonly planDigest: string;
  readonly items: readonly ReadingItem[];
}

/**
 * Maps of all explainers and of all controls, shuffled maps included, over images of the primary analysis, each patient
 * once before any twice, in random order. The same run and number give the same set.
 * @param count images of each model
 */
export function readingKey(manifest: Manifest, { samples, maps }: RunSummary, count: number): ReadingKey {
  const methods = manifest.methods.map(method => method.id);
  const chosen = manifest.models.flatMap(model => {
    const rng = createRng(manifest.seed).fork('reading', model.id);
    const has = (method: string, sample: string) =>
      maps.some(cell => cell.model === model.id && cell.method === method && cell.ok.has(sample));
    const rows = samples.filter(
      row =>
        row.model === model.id &&
        row.status === 'ok' &&
        isPrimary(manifest, row) &&
        methods.some(m => has(m, row.sample)),
    );
    const seen = new Map<string, number>();
    const rounds = rng.shuffle([...rows]).map(row => {
      const round = seen.get(row.patient) ?? 0;
      seen.set(row.patient, round + 1);
      return { row, round };
    });
    return rounds
      .sort((a, b) => a.round - b.round)
      .slice(0, count)
      .flatMap(({ row }) =>
        methods
          .filter(method => has(method, row.sample))
          .map(method => ({ model: model.id, sample: row.sample, method, target: row.target ?? positiveOf(model) })),
      );
  });
  const ordered = createRng(manifest.seed).fork('reading', 'order').shuffle(chosen);
  const digits = String(ordered.length).length;
  const items = ordered.map((item, i) => ({ item: String(i + 1).padStart(digits, '0'), ...item }));
  return { set: jsonDigest([manifest.planDigest, items]).slice(0, 12), planDigest: manifest.planDigest, items };
}

/** PNG: the image, and beside it the same with the map over it, as the report's gallery colours it. */
export async function readingPicture(view: Tensor, map: Tensor): Promise<Uint8Array> {
  const [height, width] = [view.shape[0] ?? 1, view.shape[1] ?? 1];
  const [rows, columns] = [map.shape[0] ?? 1, map.shape[1] ?? 1];
  const end = scaleEnd(map);
  const over = end > 0 ? overlayPixels(map, end) : new Uint8Array(map.data.length * 4);
  const wide = 2 * width + GAP;
  const pixels = new Uint8Array(wide * height * 3);
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      const grey = 255 * Math.max(0, Math.min(1, view.data[r * width + c] || 0));
      const at = 4 * (Math.floor((r * rows) / height) * columns + Math.floor((c * columns) / width));
      const opacity = over[at + 3]! / 255;
      for (let k = 0; k < 3; k++) {
        pixels[3 * (r * wide + c) + k] = Math.round(grey);
        pixels[3 * (r * wide + width + GAP + c) + k] = Math.round(grey + opacity * (over[at + k]! - grey));
      }
    }
  }
  const factor = Math.max(1, Math.ceil(LEAST_HEIGHT / height));
  return sharp(pixels, { raw: { width: wide, height, channels: 3 } })
    .resize({ width: wide * factor, height: height * factor, kernel: 'nearest' })
    .png()
    .toBuffer();
}

/** What readers are told. */
export function readingInstructions({ items, set }: ReadingKey): string {
  const classes = [...new Set(items.map(item => item.target))];
  return `Reading set ${set}: ${items.length} pictures

Each picture shows an image at the left. At the right it shows the same image with a map over it. The map is meant to
show what in the image speaks for ${classes.length === 1 ? classes[0] : 'the class that ratings.csv names'}. Orange speaks for it, blue against it.

Please write one number for each picture into the column "rating" of ratings.csv:

  1  the map shows nothing that speaks for the class
  2  little of it
  3  about half of it, or all of it among much else
  4  most of it
  5  exactly what speaks for the class, and nothing else

Some maps know nothing of the image. They are there on purpose. The same image comes back with other maps.
Leave a rating empty if you cannot judge the picture. Rate alone, in the order of the file, and do not go back.
Save the table as CSV, under your initials, such as ratings-ab.csv.
`;
}
