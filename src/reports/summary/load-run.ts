import type { MapRow, SampleRow } from '../../results/rows.ts';
import type { Run } from '../../results/run.ts';
import { collect } from './collect.ts';
import { type GalleryPick, galleryChoice } from './gallery-choice.ts';
import type { GalleryImage, RunData } from './run-data.ts';

/**
 * What the reports need of a run folder: its rows, and the maps and views of the gallery.
 * @param gallery images per model in the gallery; default 8, 0 for none.
 */
export async function loadRun(run: Run, gallery = 8): Promise<RunData> {
  const { manifest } = run;
  const summary = await collect(manifest, run.rows());
  const picks = galleryChoice(manifest, summary, gallery);
  const rows = await rowsOf(run, picks);
  const images: GalleryImage[] = [];
  for (const pick of picks) images.push(await loadImage(run, pick, rows));
  return { manifest, summary, gallery: images };
}

interface ImageRows {
  sample?: SampleRow;
  readonly maps: Map<string, MapRow>;
}

/** A second reading, since holding every map's row would cost memory that only a few images need. */
async function rowsOf(run: Run, picks: readonly GalleryPick[]): Promise<Map<string, ImageRows>> {
  const found = new Map(picks.map(pick => [keyOf(pick), { maps: new Map() } as ImageRows]));
  if (picks.length === 0) return found;
  for await (const row of run.rows()) {
    if (row.kind !== 'sample' && row.kind !== 'map') continue;
    const image = found.get(keyOf(row));
    if (!image) continue;
    if (row.kind === 'sample') image.sample = row;
    else image.maps.set(row.method, row);
  }
  return found;
}

async function loadImage(run: Run, pick: GalleryPick, rows: ReadonlyMap<string, ImageRows>): Promise<GalleryImage> {
  const image = rows.get(keyOf(pick));
  const view = image?.sample && (await run.readView(image.sample));
  const mask = image?.sample && (await run.readMask(image.sample));
  const maps: GalleryImage['maps'][number][] = [];
  for (const method of pick.methods) {
    const row = image?.maps.get(method);
    const map = row && (await run.readMap(row));
    if (map) maps.push({ method, map });
  }
  return { model: pick.model, sample: pick.sample, maps, ...(view ? { view } : {}), ...(mask ? { mask } : {}) };
}

function keyOf({ model, sample }: { readonly model: string; readonly sample: string }): string {
  return JSON.stringify([model, sample]);
}
