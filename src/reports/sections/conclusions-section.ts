import type { Analysis, Finding } from '../analysis/analysis.ts';
import { html, type Markup } from '../page/markup.ts';

const KINDS: readonly [Finding['kind'], string][] = [
  ['can', 'What this run shows'],
  ['caution', 'To bear in mind'],
  ['cannot', 'What it cannot tell'],
];

/** The first screen: what may be concluded, and what may not. */
export function conclusions({ findings }: Analysis): Markup {
  return html`<section id="conclusions"><h2>Conclusions</h2><div class="findings">${KINDS.map(([kind, title]) => {
    const texts = findings.filter(f => f.kind === kind).map(f => f.text);
    if (texts.length === 0 && kind !== 'can') return undefined;
    return html`<div class="${kind}"><h3>${title}</h3>${
      texts.length > 0
        ? html`<ul>${texts.map(text => html`<li>${text}</li>`)}</ul>`
        : html`<p class="small">No comparison of methods can be drawn from this run.</p>`
    }</div>`;
  })}</div></section>\n`;
}
