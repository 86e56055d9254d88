import { sameExplainers } from '../../core/same-maps.ts';
import type { Tensor } from '../../core/tensor.ts';
import { isPlain, type MapRow, type SampleRow } from '../../results/rows.ts';
import type { Run } from '../../results/run.ts';
import { collect, type RunSummary } from './collect.ts';
import { type GalleryPick, galleryChoice } from './gallery-choice.ts';
import type { GalleryFilm, GalleryImage, RunData } from './run-data.ts';

/**
 * What the reports need of a run folder: its rows, and which images the gallery shows. The run must stay open while
 * reports are rendered.
 * @param gallery images per model in the gallery; 0 for none
 * @param summary what was kept of the rows, where they were read before
 */
export async function loadRun(run: Run, gallery: number, summary?: RunSummary): Promise<RunData> {
  const { manifest } = run;
  const kept = summary ?? (await collect(manifest, run.rows()));
  const entries = galleryChoice(manifest, kept, gallery).map(pick => ({ ...pick, load: () => loadImage(run, pick) }));
  return { manifest, summary: kept, gallery: entries, same: await sameMaps(run, kept) };
}

/** Images whose layer maps are compared, for each model. */
const COMPARED = 24;

/** By model, the explainers that are one: see `sameExplainers`. */
async function sameMaps(run: Run, { samples }: RunSummary): Promise<RunData['same'] & object> {
  const same = new Map<string, readonly (readonly string[])[]>();
  for (const { id } of run.manifest.models) {
    const own = samples.filter(row => row.model === id && row.status === 'ok').slice(0, COMPARED);
    const images: Map<string, Tensor>[] = [];
    for (const { sample } of own) images.push(await layerMapsOf(run, id, sample));
    const groups = sameExplainers(images);
    if (groups.length > 0) same.set(id, groups);
  }
  return same;
}

async function layerMapsOf(run: Run, model: string, sample: string): Promise<Map<string, Tensor>> {
  const methods = run.manifest.methods.filter(method => method.role === 'method').map(method => method.id);
  const maps = new Map<string, Tensor>();
  for (const row of await run.rowsOf(model, sample)) {
    if (row.kind !== 'map' || !isPlain(row) || !methods.includes(row.method)) continue;
    const map = await run.readLayerMap(row);
    if (map) maps.set(row.method, map);
  }
  return maps;
}

async function loadImage(run: Run, pick: GalleryPick): Promise<GalleryImage> {
  const rows = await run.rowsOf(pick.model, pick.sample);
  const sample = rows.find((row): row is SampleRow => row.kind === 'sample');
  const view = sample && (await run.readView(sample));
  const slice = sample && (await run.readSlice(sample));
  const mask = sample && (await run.readMask(sample));
  const maps: GalleryImage['maps'][number][] = [];
  for (const method of pick.methods) {
    const row = rows.find((r): r is MapRow => r.kind === 'map' && r.method === method && isPlain(r));
    const map = row && (await run.readMap(row));
    if (map) maps.push({ method, map });
  }
  const films: GalleryFilm[] = [];
  for (const row of rows) {
    if (row.kind !== 'score' || !row.film || !pick.methods.includes(row.method) || !isPlain(row)) continue;
    const curve = row.film.curve ?? row.curve;
    const film = curve && (await run.readFilm(row));
    if (film) films.push({ ...row.film, method: row.method, metric: row.metric, curve, ...planesOf(film) });
  }
  return {
    model: pick.model,
    sample: pick.sample,
    maps,
    ...(view ? { view } : {}),
    ...(slice ? { slice } : {}),
    ...(mask ? { mask } : {}),
    ...(films.length > 0 ? { films } : {}),
  };
}

function planesOf({ shape, data }: Tensor): Pick<GalleryFilm, 'steps' | 'baseline' | 'frames'> {
  const size = data.length / shape[0]!;
  const plane = (i: number) => ({ shape: shape.slice(1), data: data.subarray(i * size, (i + 1) * size) });
  const frames = Array.from({ length: shape[0]! - 2 }, (_, k) => plane(2 + k));
  return { steps: plane(0), baseline: plane(1), ...(frames.length > 0 ? { frames } : {}) };
}
