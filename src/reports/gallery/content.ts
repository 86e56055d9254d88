import type { Tensor } from '../../core/tensor.ts';
import type { MethodEntry, ModelAnalysis } from '../analysis/analysis.ts';
import { outlinePath } from '../charts/mask-outline.ts';
import type { Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import type { RunSummary } from '../summary/collect.ts';
import { scaleEnd } from '../summary/heatmap.ts';
import type { GalleryEntry, GalleryFilm, GalleryImage, ReportFile, RunData } from '../summary/run-data.ts';
import { disagreement, imageScores } from './image-facts.ts';
import { packed } from './packing.ts';
import { stillCase } from './still.ts';

/** Pictures up to so many bytes of text stand in the page; further ones lie beside it, a script for each image. */
const MOST_INLINE = 5_000_000;
/** Images that the page shows without its script, and in print. */
const MOST_STILL = 4;
/** A map's values as steps of the end of its colours. */
const MAP_STEPS = 127;

/** What the page knows of an image before its pictures are there. */
export interface CaseInfo {
  readonly model: string;
  readonly sample: string;
  readonly patient?: string;
  readonly label?: string;
  readonly predicted?: string;
  /** 'true positive', or 'right' and 'wrong' where no class is positive; absent without a reference. */
  readonly outcome?: string;
  readonly target?: string;
  readonly probability?: number;
  /** Of a regression: the value explained, and what the data say of it. */
  readonly value?: number;
  readonly reference?: number;
  readonly unit?: 'HU' | 'grey';
  readonly window?: readonly [number, number];
  readonly disagreement?: number;
  readonly worst?: number;
  /** By method, then by metric. */
  readonly scores: readonly (readonly (number | null)[])[];
  /** The script with its pictures; absent: they stand in the page. */
  readonly file?: string;
}

/** The gallery's images: what is known of each, and the pictures that stand in the page. */
export interface GalleryContent {
  readonly methods: readonly MethodEntry[];
  /** Ids of the metrics whose values are shown, the primary one first. */
  readonly metrics: readonly string[];
  readonly cases: readonly CaseInfo[];
  /** JSON of the pictures by place, for those that stand in the page. */
  readonly inline: readonly (readonly [place: number, json: string])[];
  readonly stills: readonly Markup[];
  readonly masks: boolean;
}

interface Report {
  readonly run: RunData;
  readonly analysis: { readonly models: readonly ModelAnalysis[] };
  readonly names: Names;
}

/** Loads one image after the other, and gives the scripts that do not fit into the page. */
export async function* galleryContent(
  { run, analysis, names }: Report,
  mostInline = MOST_INLINE,
): AsyncGenerator<ReportFile, GalleryContent> {
  const { manifest, summary, gallery } = run;
  // Shuffled maps are other images' maps: they say nothing here.
  const methods = manifest.methods.filter(m => m.of === undefined);
  const metrics = metricsShown(analysis.models);
  const scores = new Map(analysis.models.map(model => [model.model.id, imageScores(summary, model, metrics)]));
  const rows = new Map(summary.samples.map(row => [JSON.stringify([row.model, row.sample]), row]));
  const still = stillPlaces(gallery);
  const cases: CaseInfo[] = [];
  const inline: [number, string][] = [];
  const stills: Markup[] = [];
  let [size, masks] = [0, false];
  for (const [place, entry] of gallery.entries()) {
    const image = await entry.load();
    masks ||= image.mask !== undefined;
    const own = scores.get(entry.model);
    const row = rows.get(JSON.stringify([entry.model, entry.sample]));
    const explained = image.maps.filter(m => methods.some(({ id, role }) => id === m.method && role === 'method'));
    const differs = disagreement(explained.map(m => m.map));
    const worst = own?.worst(entry.sample);
    const pictures = JSON.stringify(picturesOf(image, methods, metrics, reasonsOf(summary, entry.model, methods)));
    const fits = size + pictures.length <= mostInline;
    const file = `gallery/${String(place).padStart(4, '0')}.js`;
    const info: CaseInfo = {
      ...factsOf(entry, row),
      ...(differs === undefined ? {} : { disagreement: Number(differs.toFixed(4)) }),
      ...(worst === undefined ? {} : { worst: Number(worst.toPrecision(6)) }),
      scores: methods.map(({ id }) => own?.values(id, entry.sample) ?? []),
      ...(fits ? {} : { file }),
    };
    cases.push(info);
    if (still.has(place)) stills.push(await stillCase(image, info, methods, names));
    if (fits) {
      size += pictures.length;
      inline.push([place, pictures]);
    } else {
      yield { file, bytes: `ctxaiPictures(${place},${pictures})\n` };
    }
  }
  return { methods, metrics, cases, inline, stills, masks };
}

function metricsShown(models: readonly ModelAnalysis[]): string[] {
  const primary = models.flatMap(m => m.primaryMetric ?? []);
  const all = models.flatMap(m => m.metrics.map(entry => entry.metric.id));
  return [...new Set([...primary.filter(id => all.includes(id)), ...all])];
}

/** The first image with maps of each model, then its last, and so on: hits stand first, errors last. */
function stillPlaces(gallery: readonly GalleryEntry[]): ReadonlySet<number> {
  const explained = gallery.some(g => g.methods.length > 0);
  const queues = [...new Set(gallery.map(g => g.model))].map(model =>
    gallery.flatMap((g, place) => (g.model === model && (g.methods.length > 0 || !explained) ? [place] : [])),
  );
  const chosen = new Set<number>();
  for (let round = 0; chosen.size < MOST_STILL && queues.some(q => q.length > 0); round++) {
    for (const queue of queues) {
      const next = round % 2 === 0 ? queue.shift() : queue.pop();
      if (next !== undefined && chosen.size < MOST_STILL) chosen.add(next);
    }
  }
  return chosen;
}

function factsOf({ model, sample }: GalleryEntry, row: RunData['summary']['samples'][number] | undefined) {
  const outcome = row && outcomeText(row);
  return {
    model,
    sample,
    ...(row === undefined ? {} : { patient: row.patient }),
    ...(row?.label === undefined ? {} : { label: row.label }),
    ...(row?.predicted === undefined ? {} : { predicted: row.predicted }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(row?.target === undefined ? {} : { target: row.target }),
    ...(row?.targetProbability === undefined ? {} : { probability: Number(row.targetProbability.toPrecision(4)) }),
    ...(row?.targetValue === undefined ? {} : { value: Number(row.targetValue.toPrecision(4)) }),
    ...(row?.referenceValue === undefined ? {} : { reference: row.referenceValue }),
    ...(row?.intensity ?? {}),
  };
}

function outcomeText({ outcome, label, predicted }: RunData['summary']['samples'][number]): string | undefined {
  if (outcome !== undefined) return outcome.replace('-', ' ');
  if (label === undefined || predicted === undefined) return undefined;
  return label === predicted ? 'right' : 'wrong';
}

/** Why methods lack maps, where it is always for the same reason. */
function reasonsOf(summary: RunSummary, model: string, methods: readonly MethodEntry[]): ReadonlyMap<string, string> {
  return new Map(
    methods.map(({ id }) => {
      const others = summary.maps.find(cell => cell.model === model && cell.method === id)?.others ?? [];
      const [only] = others;
      if (!only) return [id, 'no map'];
      return [id, others.length === 1 ? `${only.status}: ${only.reason.slice(0, 90)}` : 'no map: see Outcomes'];
    }),
  );
}

/** The pictures of an image as the page unpacks them. */
function picturesOf(
  image: GalleryImage,
  methods: readonly MethodEntry[],
  metrics: readonly string[],
  reasons: ReadonlyMap<string, string>,
) {
  const [height = 1, width = 1] = (image.slice ?? image.view ?? image.maps[0]?.map)?.shape ?? [];
  return {
    height,
    width,
    ...pixelsOf(image),
    ...(image.mask ? { outline: outlinePath(image.mask) } : {}),
    ...filmsOf(image.films ?? [], methods, metrics),
    maps: methods.map(({ id }) => {
      const map = image.maps.find(m => m.method === id)?.map;
      const end = map ? scaleEnd(map) : 0;
      if (!map || !(end > 0)) return { reason: map ? 'zero everywhere' : (reasons.get(id) ?? 'no map') };
      const [rows = 1, columns = 1] = map.shape;
      return { end: Number(end.toPrecision(4)), rows, columns, values: packed(stepsOf(map, end)) };
    }),
  };
}

/** Films by place of metric and method; baselines that several have in common stand once. */
function filmsOf(films: readonly GalleryFilm[], methods: readonly MethodEntry[], metrics: readonly string[]) {
  const baselines: string[] = [];
  const found = films.flatMap(({ method, metric, from, steps, baseline, frames, curve }) => {
    const [row, column] = [methods.findIndex(m => m.id === method), metrics.indexOf(metric)];
    if (row < 0 || column < 0) return [];
    const picture = packed(inBytes(baseline));
    if (!baselines.includes(picture)) baselines.push(picture);
    return [
      {
        method: row,
        metric: column,
        from,
        baseline: baselines.indexOf(picture),
        steps: packed(Uint8Array.from(steps.data)),
        ...(frames ? { frames: changes(frames).map(packed) } : {}),
        fraction: curve.fraction.map(v => Number(v.toFixed(4))),
        score: curve.score.map(v => Number(v.toPrecision(4))),
      },
    ];
  });
  return found.length === 0 ? {} : { films: found, baselines };
}

function inBytes({ data }: Tensor): Uint8Array {
  return Uint8Array.from(data, v => Math.round(255 * v));
}

/** The first frame, and of each further one what it adds to the one before, modulo 256: mostly zeros. */
function changes(frames: readonly Tensor[]): Uint8Array[] {
  const bytes = frames.map(inBytes);
  return bytes.map((frame, k) => (k === 0 ? frame : frame.map((v, i) => v - bytes[k - 1]![i]!)));
}

/** Whole HU, hundredths of a grey level, or, of runs that kept no slice, 255ths of the window. */
function pixelsOf({ slice, view }: GalleryImage) {
  if (slice) {
    const step = slice.data.every(Number.isInteger) ? 1 : 0.01;
    return { step, pixels: packed(Int16Array.from(slice.data, v => Math.round(v / step))) };
  }
  if (view) return { step: 1 / 255, pixels: packed(Int16Array.from(view.data, v => Math.round(255 * v))) };
  return {};
}

function stepsOf(map: Tensor, end: number): Int8Array {
  const out = new Int8Array(map.data.length);
  for (let i = 0; i < out.length; i++) {
    const v = map.data[i]!;
    if (Number.isFinite(v)) out[i] = Math.max(-MAP_STEPS, Math.min(MAP_STEPS, Math.round((MAP_STEPS * v) / end)));
  }
  return out;
}
