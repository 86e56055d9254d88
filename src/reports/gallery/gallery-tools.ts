import { html, type Markup } from '../page/markup.ts';
import type { GalleryContent } from './content.ts';

/** Which images are shown, in which order, with which explainers. The script shows it; without one it is of no use. */
export function tools({ cases, methods, metrics }: GalleryContent, several: boolean): Markup {
  const values = (key: 'model' | 'label' | 'outcome' | 'patient') =>
    [...new Set(cases.flatMap(c => c[key] ?? []))].sort(new Intl.Collator('en', { numeric: true }).compare);
  const select = (name: string, title: string, options: readonly string[]) =>
    options.length < 2
      ? undefined
      : html`<label>${title} <select name="${name}"><option value="">all</option>${listOf(options)}</select></label>`;
  return html`<form class="tools" hidden="" aria-label="Which images and maps are shown"><div>${[
    several ? select('model', 'Model', values('model')) : undefined,
    select('label', 'Label', values('label')),
    select('outcome', 'Outcome', values('outcome')),
    select('patient', 'Patient', values('patient')),
  ]}${
    metrics.length > 0
      ? html`<span class="range"><label>Value of <select name="metric">${listOf(metrics)}</select></label><label>from <input type="number" name="least" step="any"></label><label>to <input type="number" name="most" step="any"></label></span>`
      : undefined
  }<label>Order <select name="sort"><option value="chosen">as chosen</option><option value="disagreement">explainers disagree most first</option><option value="worst">worst score first</option></select></label><button type="reset">Show all</button><output name="count"></output></div><fieldset><legend>Explainers</legend>${methods.map(
    ({ id, role }) =>
      html`<label>${
        role === 'method'
          ? html`<input type="checkbox" name="method" value="${id}" checked="">`
          : html`<input type="checkbox" name="method" value="${id}">`
      } ${id}</label>`,
  )}</fieldset><p class="note">Point at a picture, or tap it, to read its values there. Keys, with an image in focus: <kbd>j</kbd> and <kbd>k</kbd> or the arrows up and down for the next image and the one before; <kbd>o</kbd> hides and shows the maps; <kbd>c</kbd> changes the colours; <kbd>w</kbd> changes the window; <kbd>Shift</kbd> with an arrow moves the point at which values are read.</p></form>`;
}

function listOf(options: readonly string[]): Markup[] {
  return options.map(option => html`<option value="${option}">${option}</option>`);
}
