import type { Manifest, SampleRow } from '../../results/rows.ts';
import { outlinePath } from '../charts/mask-outline.ts';
import { GALLERY_SCRIPT } from '../page/gallery-script.ts';
import { html, type Markup, trusted } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import type { ReportContext, Section } from '../page/section.ts';
import type { RunSummary } from '../summary/collect.ts';
import { disagreement, type ImageScores, imageScores } from '../summary/gallery-facts.ts';
import { NEGATIVE, OPAQUE, overlayPng, POSITIVE, scaleEnd, viewPng } from '../summary/heatmap.ts';
import type { GalleryImage } from '../summary/run-data.ts';
import { fixed, percent, plural } from '../text/format.ts';

/** Longest side of an embedded picture, in pixels. */
const MOST = 320;

/** What was explained, with the maps over it and their scores beside them: a case for each image. */
export async function gallerySection(report: ReportContext): Promise<Section> {
  return { id: 'gallery', title: 'Gallery', html: await pageOf(report), markdown: [] };
}

async function pageOf({ run, analysis, names }: ReportContext): Promise<Markup> {
  const { manifest, summary, gallery: images } = run;
  if (images.length === 0) return html`<p>The run folder holds no maps or images to show.</p>`;
  const rows = new Map(summary.samples.map(row => [JSON.stringify([row.model, row.sample]), row]));
  // Shuffled maps are other images' maps: they say nothing here.
  const methods = manifest.methods.filter(m => m.of === undefined);
  const cases: Markup[] = [];
  for (const model of analysis.models) {
    const { id } = model.model;
    const scores = imageScores(summary, id, model.metrics, model.primaryMetric);
    const reasons = new Map(methods.map(m => [m.id, missingMap(summary, id, m.id)]));
    for (const image of images.filter(i => i.model === id)) {
      const row = rows.get(JSON.stringify([image.model, image.sample]));
      cases.push(await caseOf(image, { row, methods, reasons, scores, names, place: cases.length }));
    }
  }
  const hidden = manifest.methods.filter(m => m.of !== undefined).map(m => m.id);
  const masks = images.some(image => image.mask);
  const shown = images.flatMap(image => rows.get(JSON.stringify([image.model, image.sample])) ?? []);
  return html`<p class="small">Chosen by rule, not by looks: equal numbers of each class recognised and missed as far as there are any, one image a patient where possible, images with a mask first.</p>
${tools(manifest, shown)}${colourBar()}<p class="note">The image is in the model’s window and on its grid. Red speaks for the explained class, blue against it. The colours of each map end at ±s, the 99th percentile of its |values|: maps are compared by where they lie, not by strength.${
    masks ? ' Yellow: the outline of the mask.' : ''
  }${hidden.length > 0 ? ` Not shown: the ${plural(hidden.length, 'control')} made of maps of other patients.` : ''} Point at a map to see the image alone.</p>
<div class="cases" role="region" tabindex="0" aria-label="Images with their maps">${cases}</div><script>${trusted(GALLERY_SCRIPT)}</script>`;
}

/** Filters and order, which the script shows; without it the gallery stands as it is. */
function tools({ methods, models }: Manifest, rows: readonly SampleRow[]): Markup {
  const values = (pick: (row: SampleRow) => string | undefined) =>
    [...new Set(rows.flatMap(row => pick(row) ?? []))].sort();
  const select = (name: string, title: string, options: readonly string[]) =>
    options.length < 2
      ? undefined
      : html`<label>${title} <select name="${name}"><option value="">all</option>${options.map(
          option => html`<option value="${option}">${option}</option>`,
        )}</select></label>`;
  const boxes = methods
    .filter(m => m.of === undefined)
    .map(
      ({ id, role }) =>
        html`<label class="box">${
          role === 'method'
            ? html`<input type="checkbox" name="method" value="${id}" checked="">`
            : html`<input type="checkbox" name="method" value="${id}">`
        } ${id}</label>`,
    );
  return html`<form class="tools" hidden="" aria-label="What the gallery shows"><label>Opacity <input type="range" name="opacity" min="0" max="100" value="100"></label>${[
    select(
      'model',
      'Model',
      models.map(m => m.id),
    ),
    select(
      'label',
      'Label',
      values(row => row.label),
    ),
    select('outcome', 'Outcome', values(outcomeText)),
    select(
      'patient',
      'Patient',
      values(row => row.patient),
    ),
  ]}<label>Order <select name="sort"><option value="chosen">as chosen</option><option value="disagreement">most disagreement first</option><option value="worst">worst score first</option></select></label><output></output><fieldset><legend>Explainers</legend>${boxes}</fieldset><p class="note">Keys, with an image in focus: j and k for the next and the one before, o for the overlay.</p></form>`;
}

/** 'true positive'; without a reference, undefined. */
function outcomeText({ outcome, label, predicted }: SampleRow): string | undefined {
  if (outcome !== undefined) return outcome.replace('-', ' ');
  if (label === undefined || predicted === undefined) return undefined;
  return label === predicted ? 'right' : 'wrong';
}

/** Why a method lacks maps, where it is always for the same reason. */
function missingMap(summary: RunSummary, model: string, method: string): string {
  const others = summary.maps.find(cell => cell.model === model && cell.method === method)?.others ?? [];
  const [only] = others;
  if (!only) return 'no map';
  return others.length === 1 ? `${only.status}: ${only.reason.slice(0, 90)}` : 'no map: see Outcomes';
}

interface CaseContext {
  readonly row: SampleRow | undefined;
  readonly methods: Manifest['methods'];
  readonly reasons: ReadonlyMap<string, string>;
  readonly scores: ImageScores;
  readonly names: Names;
  readonly place: number;
}

async function caseOf(image: GalleryImage, context: CaseContext): Promise<Markup> {
  const { row, methods, reasons, scores, names, place } = context;
  const id = `g${place}`;
  const [height, width] = image.view?.shape ?? image.maps[0]?.map.shape ?? [1, 1];
  const frame = { height: height ?? 1, width: width ?? 1 };
  const view = image.view && (await viewPng(image.view, MOST));
  const outline = image.mask && outlinePath(image.mask);
  const figures: Markup[] = [];
  for (const method of methods) {
    const map = image.maps.find(m => m.method === method.id)?.map;
    const end = map ? scaleEnd(map) : 0;
    const values = scores.beside(method.id, image.sample);
    let drawn: Markup;
    if (!map || !(end > 0)) {
      drawn = html`<div class="none">${map ? 'zero everywhere' : reasons.get(method.id)}</div>`;
    } else {
      const over = await overlayPng(map, end, MOST);
      const picture = html`<image class="overlay" href="${dataUri(over)}" width="${frame.width}" height="${frame.height}" preserveAspectRatio="none"/>`;
      const name = `${method.id} over ${image.sample}`;
      drawn = drawing(frame, name, view ? `${id}v` : undefined, picture, outline ? `${id}m` : undefined);
    }
    figures.push(
      html`<figure data-method="${method.id}">${drawn}<figcaption>${names.method(method)}${
        end > 0 ? html` <small>s = ${end.toPrecision(2)}</small>` : undefined
      }${values.length > 0 ? html`<small class="scores">${values.join(' · ')}</small>` : undefined}</figcaption></figure>`,
    );
  }
  const first = view
    ? html`<svg viewBox="0 0 ${frame.width} ${frame.height}" role="img" aria-label="${image.sample}"><g id="${id}v"><image href="${dataUri(view)}" width="${frame.width}" height="${frame.height}" preserveAspectRatio="none"/></g>${
        outline ? html`<path id="${id}m" class="outline" d="${outline}"/>` : undefined
      }</svg>`
    : html`<div class="none">the image is not in the run folder</div>`;
  const explained = new Set(methods.filter(m => m.role === 'method').map(m => m.id));
  const differs = disagreement(image.maps.filter(m => explained.has(m.method)).map(m => m.map));
  const worst = scores.worst(image.sample);
  return html`<article class="case" tabindex="0" aria-label="${image.sample} by ${image.model}" data-place="${place}" data-model="${image.model}" data-label="${row?.label ?? ''}" data-outcome="${(row && outcomeText(row)) ?? ''}" data-patient="${row?.patient ?? ''}" data-disagreement="${differs?.toFixed(4) ?? ''}" data-worst="${worst?.toFixed(6) ?? ''}"><p class="about">${describe(image, row)}${
    differs === undefined ? undefined : html` · disagreement ${fixed(differs, 2)}`
  }</p>
<div class="maps"><figure>${first}<figcaption>image</figcaption></figure>${figures}</div></article>\n`;
}

function drawing(
  { width, height }: { readonly width: number; readonly height: number },
  name: string,
  view: string | undefined,
  overlay: Markup,
  outline: string | undefined,
): Markup {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${name}">${
    view ? html`<use href="#${view}"/>` : undefined
  }${overlay}${outline ? html`<use href="#${outline}"/>` : undefined}</svg>`;
}

function describe(image: GalleryImage, row: SampleRow | undefined): Markup {
  if (!row) return html`<b>${image.sample}</b> · ${image.model}`;
  const known = row.label !== undefined && row.predicted !== undefined;
  const right = row.label === row.predicted;
  const predicted =
    row.predicted === undefined
      ? undefined
      : html` · predicted ${row.predicted}${known ? html` <span class="badge ${right ? 'hit' : 'miss'}">${right ? 'right' : 'wrong'}</span>` : undefined}`;
  const target =
    row.target === undefined ? undefined : html` · explained ${row.target}, p = ${percent(row.targetProbability, 1)}`;
  return html`<b>${image.sample}</b> · ${image.model} · ${row.patient} · label ${row.label ?? 'none'}${predicted}${target}`;
}

/** The colours over mid-grey, as they lie on an image. */
function colourBar(): Markup {
  const [width, steps] = [260, 52];
  const cells = Array.from({ length: steps }, (_, i) => {
    const t = (2 * (i + 0.5)) / steps - 1;
    const [r, g, b] = t < 0 ? NEGATIVE : POSITIVE;
    return html`<rect x="${(i * width) / steps}" width="${width / steps + 0.3}" height="14" fill="rgb(${r},${g},${b})" fill-opacity="${(Math.abs(t) * OPAQUE).toFixed(2)}"/>`;
  });
  return html`<figure><svg viewBox="-14 0 ${width + 28} 32" role="img" aria-label="Colour scale: blue at minus s, clear at 0, red at plus s" style="max-width:18rem"><rect width="${width}" height="14" fill="${trusted('#777')}"/>${cells}<text x="0" y="28" text-anchor="middle">−s</text><text x="${width / 2}" y="28" text-anchor="middle">0</text><text x="${width}" y="28" text-anchor="middle">+s</text></svg></figure>`;
}

function dataUri(bytes: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;
}
