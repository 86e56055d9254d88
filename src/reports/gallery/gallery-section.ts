import { html, type Markup, trusted } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { plural } from '../text/format.ts';
import { SIGNED, UNSIGNED } from './colour-maps.ts';
import type { CaseInfo } from './content.ts';
import { tools } from './gallery-tools.ts';
import { GALLERY_SCRIPT } from './script.ts';

/** What was explained, with the maps over it and their scores beside them: a case for each image. */
export function gallerySection({ run, analysis, names, gallery }: ReportContext): Section {
  const page = (body: Markup): Section => ({ id: 'gallery', title: 'Gallery', html: body, markdown: [] });
  if (!gallery) return page(html`<p>Images and maps were left out of this page so that it can be passed on.</p>`);
  if (gallery.cases.length === 0) return page(html`<p>The run folder holds no maps or images to show.</p>`);
  const { cases, methods, inline, stills, masks } = gallery;
  const hidden = run.manifest.methods.filter(m => m.of !== undefined).length;
  const better = new Map(run.manifest.metrics.map(m => [m.id, m.better]));
  const info = {
    methods: methods.map(method => ({
      id: method.id,
      colour: names.colour(method.id),
      source: names.methodSource(method),
    })),
    metrics: gallery.metrics.map(id => ({ id, arrow: better.get(id) === 'lower' ? '↓' : '↑' })),
    cases,
    signed: Buffer.from(SIGNED).toString('base64'),
    unsigned: Buffer.from(UNSIGNED).toString('base64'),
  };
  const several = analysis.models.length > 1;
  return page(html`<p class="small">${plural(cases.length, 'image')} chosen by rule, not by looks: as many of each class recognised and missed as there are, each patient once before any twice, images with a mask first.</p>
${tools(gallery, several)}
<div class="cases" role="region" tabindex="0" aria-label="Images with their maps" hidden="">${looks(cases)}<div class="list"></div></div>
<p class="note">Orange speaks for the explained class, blue against it; with “size alone”, yellow shows how large values are, for or against. The colours of each map end at ±s, which covers 99 % of its pixels: compare where maps lie, not how strong they are.${
    masks ? ' Yellow line: outline of the mask.' : ''
  }${hidden > 0 ? ` Not shown: ${plural(hidden, 'control')} made of maps of other patients.` : ''}</p>
<div class="stills">${stills}</div>
${json(JSON.stringify(info), html` id="gallery-info"`)}${inline.map(([place, text]) => json(text, html` data-place="${place}"`))}<script>${trusted(GALLERY_SCRIPT)}</script>`);
}

/** Sliders that stay in sight while the images scroll. */
function looks(cases: readonly CaseInfo[]): Markup {
  const unit = cases.find(c => c.unit !== undefined)?.unit;
  const [low, high] = unit === 'HU' ? [-1400, 1600] : [0, 255];
  const presets = unit === 'HU' ? ['lung', 'soft tissue', 'bone'] : [];
  const window =
    unit === undefined
      ? undefined
      : html`<label>Window <select name="window"><option value="model">as the model sees it</option>${presets.map(
          name => html`<option value="${name}">${name}</option>`,
        )}<option value="hand">set by hand</option></select></label><label>Level <input type="range" name="level" min="${low}" max="${high}" step="1"></label><label>Width <input type="range" name="width" min="1" max="${high - low}" step="1"></label><output name="shown"></output>`;
  return html`<form class="looks" data-unit="${unit ?? ''}" aria-label="How images and maps look"><label>Opacity <input type="range" name="opacity" min="0" max="100" value="80"></label><label>Colours <select name="colours"><option value="signed">for and against</option><option value="unsigned">size alone</option></select></label><label><input type="checkbox" name="alone"> map without image</label>${window}<canvas class="bar" width="256" height="1" role="img" aria-label="Colours of the maps, from their lowest to their highest value"></canvas><output name="ends"></output></form>`;
}

/** Data for the script. Nothing in it can end the element. */
function json(text: string, attributes: Markup): Markup {
  return html`<script type="application/json"${attributes}>${trusted(text.replace(/</g, '\\u003c'))}</script>`;
}
