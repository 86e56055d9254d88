import type { SampleRow } from '../../results/rows.ts';
import { outlinePath } from '../charts/mask-outline.ts';
import { html, type Markup, trusted } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import type { ReportContext, Section } from '../page/section.ts';
import type { RunSummary } from '../summary/collect.ts';
import { NEGATIVE, OPAQUE, overlayPng, POSITIVE, scaleEnd, viewPng } from '../summary/heatmap.ts';
import type { GalleryImage, RunData } from '../summary/run-data.ts';
import { listed, percent } from '../text/format.ts';

/** Longest side of an embedded picture, in pixels. */
const MOST = 320;

/** Images × methods: what was explained, with the maps over it. */
export async function gallerySection({ run, names }: ReportContext): Promise<Section> {
  return { id: 'gallery', title: 'Gallery', html: await pageOf(run, names), markdown: [] };
}

async function pageOf({ manifest, summary, gallery: images }: RunData, names: Names): Promise<Markup> {
  if (images.length === 0) {
    return html`<p>The run folder holds no maps or images to show.</p>`;
  }
  const rows = new Map(summary.samples.map(row => [JSON.stringify([row.model, row.sample]), row]));
  const parts: Markup[] = [];
  let serial = 0;
  for (const model of manifest.models) {
    const own = images.filter(image => image.model === model.id);
    if (own.length === 0) continue;
    const methods = manifest.methods.filter(m => m.of === undefined);
    const reasons = new Map(methods.map(m => [m.id, missingMap(summary, model.id, m.id)]));
    const lines: Markup[] = [];
    for (const image of own) {
      const row = rows.get(JSON.stringify([image.model, image.sample]));
      lines.push(await line(image, row, methods, reasons, `g${serial++}`));
    }
    parts.push(html`${manifest.models.length > 1 ? html`<h3>${model.id}</h3>` : undefined}<div class="scroll" role="region" tabindex="0" aria-label="Gallery of ${model.id}"><table class="gallery">
<thead><tr><th scope="col">Sample</th><th scope="col">Image</th>${methods.map(
      m => html`<th scope="col">${names.method(m)}</th>`,
    )}</tr></thead><tbody>${lines}</tbody></table></div>`);
  }
  const hidden = manifest.methods.filter(m => m.of !== undefined).map(m => m.id);
  const masks = images.some(image => image.mask);
  return html`<p>Chosen by rule, not by looks: equal numbers of each class recognised and missed as far as there are any, one image a patient where possible, images with a mask first.</p>
${colourBar()}<p class="note">The image is in the model’s window and on its grid. Red speaks for the explained class, blue against it. The colours of each map end at ±s, the 99th percentile of its |values|, given beneath it: maps are compared by where they lie, not by strength.${
    masks ? ' Yellow: the outline of the mask.' : ''
  }${hidden.length > 0 ? ` Not shown: the ${listed(hidden)} controls.` : ''} Point at a map to see the image alone.</p>
${parts}`;
}

/** Why a method lacks maps, where it is always for the same reason. */
function missingMap(summary: RunSummary, model: string, method: string): string {
  const others = summary.maps.find(cell => cell.model === model && cell.method === method)?.others ?? [];
  const [only] = others;
  if (!only) return 'no map';
  return others.length === 1 ? `${only.status}: ${only.reason.slice(0, 90)}` : 'no map: see Outcomes';
}

async function line(
  image: GalleryImage,
  row: SampleRow | undefined,
  methods: RunData['manifest']['methods'],
  reasons: ReadonlyMap<string, string>,
  id: string,
): Promise<Markup> {
  const [height, width] = image.view?.shape ?? image.maps[0]?.map.shape ?? [1, 1];
  const frame = { height: height ?? 1, width: width ?? 1 };
  const view = image.view && (await viewPng(image.view, MOST));
  const outline = image.mask && outlinePath(image.mask);
  const cells: Markup[] = [];
  for (const method of methods) {
    const map = image.maps.find(m => m.method === method.id)?.map;
    const end = map ? scaleEnd(map) : 0;
    if (!map || !(end > 0)) {
      cells.push(html`<td><div class="none">${map ? 'zero everywhere' : reasons.get(method.id)}</div></td>`);
      continue;
    }
    const over = await overlayPng(map, end, MOST);
    const name = `${method.id} over ${image.sample}`;
    const picture = html`<image class="overlay" href="${dataUri(over)}" width="${frame.width}" height="${frame.height}" preserveAspectRatio="none"/>`;
    cells.push(
      html`<td>${drawing(frame, name, view ? `${id}v` : undefined, picture, outline ? `${id}m` : undefined)}<small>s = ${end.toPrecision(2)}</small></td>`,
    );
  }
  const first = view
    ? html`<svg viewBox="0 0 ${frame.width} ${frame.height}" role="img" aria-label="${image.sample}"><g id="${id}v"><image href="${dataUri(view)}" width="${frame.width}" height="${frame.height}" preserveAspectRatio="none"/></g>${
        outline ? html`<path id="${id}m" class="outline" d="${outline}"/>` : undefined
      }</svg>`
    : html`<div class="none">the image is not in the run folder</div>`;
  return html`<tr><th scope="row"><div>${describe(image, row)}</div></th><td>${first}</td>${cells}</tr>`;
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
  if (!row) return html`${image.sample}`;
  const known = row.label !== undefined && row.predicted !== undefined;
  const right = row.label === row.predicted;
  const predicted =
    row.predicted === undefined
      ? undefined
      : html`<br>predicted ${row.predicted}${known ? html` <span class="badge ${right ? 'hit' : 'miss'}">${right ? 'right' : 'wrong'}</span>` : undefined}`;
  const target =
    row.target === undefined ? undefined : html`<br>explained ${row.target}, p = ${percent(row.targetProbability, 1)}`;
  return html`<span class="soft">${row.sample}</span><br>${row.patient}<br>label ${row.label ?? 'none'}${predicted}${target}`;
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
