import { isPlain, type MapRow, type SampleRow } from '../../results/rows.ts';
import type { Run } from '../../results/run.ts';
import { collect, type RunSummary } from './collect.ts';
import { type GalleryPick, galleryChoice } from './gallery-choice.ts';
import type { GalleryImage, RunData } from './run-data.ts';

/**
 * What the reports need of a run folder: its rows, and the maps and views of the gallery.
 * @param gallery images per model in the gallery; 0 for none
 * @param summary what was kept of the rows, where they were read before
 */
export async function loadRun(run: Run, gallery: number, summary?: RunSummary): Promise<RunData> {
  const { manifest } = run;
  const kept = summary ?? (await collect(manifest, run.rows()));
  const images: GalleryImage[] = [];
  for (const pick of galleryChoice(manifest, kept, gallery)) images.push(await loadImage(run, pick));
  return { manifest, summary: kept, gallery: images };
}

async function loadImage(run: Run, pick: GalleryPick): Promise<GalleryImage> {
  const rows = await run.rowsOf(pick.model, pick.sample);
  const sample = rows.find((row): row is SampleRow => row.kind === 'sample');
  const view = sample && (await run.readView(sample));
  const mask = sample && (await run.readMask(sample));
  const maps: GalleryImage['maps'][number][] = [];
  for (const method of pick.methods) {
    const row = rows.find((r): r is MapRow => r.kind === 'map' && r.method === method && isPlain(r));
    const map = row && (await run.readMap(row));
    if (map) maps.push({ method, map });
  }
  return { model: pick.model, sample: pick.sample, maps, ...(view ? { view } : {}), ...(mask ? { mask } : {}) };
}
