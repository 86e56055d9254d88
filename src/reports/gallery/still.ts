import type { MethodEntry } from '../analysis/analysis.ts';
import { outlinePath } from '../charts/mask-outline.ts';
import { html, type Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import { overlayPng, scaleEnd, viewPng } from '../summary/heatmap.ts';
import type { GalleryImage } from '../summary/run-data.ts';
import { percent } from '../text/format.ts';
import type { CaseInfo } from './content.ts';

/** Longest side of a picture, in pixels. */
const MOST = 256;
/** Explainers beside an image, so that a case fits on a page. */
const MOST_MAPS = 11;

/** One image with its maps that needs no script: for print, and where scripts do not run. */
export async function stillCase(
  image: GalleryImage,
  info: CaseInfo,
  methods: readonly MethodEntry[],
  names: Names,
): Promise<Markup> {
  const [height = 1, width = 1] = image.view?.shape ?? image.maps[0]?.map.shape ?? [];
  const view = image.view && (await viewPng(image.view, MOST));
  const outline = image.mask && outlinePath(image.mask);
  const lines = outline ? html`<path class="outline" d="${outline}"/>` : undefined;
  const drawing = (name: string, over?: Uint8Array) =>
    html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${name}">${[view, over].map(png =>
      png
        ? html`<image href="${dataUri(png)}" width="${width}" height="${height}" preserveAspectRatio="none"/>`
        : undefined,
    )}${lines}</svg>`;
  const figures: Markup[] = [html`<figure>${drawing(info.sample)}<figcaption>image</figcaption></figure>`];
  for (const method of methods.filter(m => m.role === 'method').slice(0, MOST_MAPS)) {
    const map = image.maps.find(m => m.method === method.id)?.map;
    const end = map ? scaleEnd(map) : 0;
    if (!map || !(end > 0)) continue;
    const over = await overlayPng(map, end, MOST);
    figures.push(
      html`<figure>${drawing(`${method.id} over ${info.sample}`, over)}<figcaption>${names.method(method)}</figcaption></figure>`,
    );
  }
  return html`<article><p class="about"><b>${info.sample}</b> · ${aboutOf(info)}</p><div class="maps">${figures}</div></article>\n`;
}

/** 'phantom-cnn · patient 3 · label covid · predicted covid · explained covid, p = 97.1 %'. */
function aboutOf({ model, patient, label, predicted, target, probability, value, reference }: CaseInfo): string {
  if (value !== undefined) {
    const known = reference === undefined ? '' : ` (by the data ${reference})`;
    return [model, patient, `${target} = ${value}${known}`].filter(part => part !== undefined).join(' · ');
  }
  return [
    model,
    patient,
    `label ${label ?? 'none'}`,
    ...(predicted === undefined ? [] : [`predicted ${predicted}`]),
    ...(target === undefined ? [] : [`explained ${target}, p = ${percent(probability, 1)}`]),
  ]
    .filter(part => part !== undefined)
    .join(' · ');
}

function dataUri(bytes: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;
}
