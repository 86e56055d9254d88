import type { Analysis } from '../analysis/analysis.ts';
import { verdictOf } from '../analysis/verdict.ts';
import type { RunData } from '../summary/run-data.ts';
import { plural } from '../text/format.ts';
import { whenLine } from '../text/provenance-lines.ts';
import { html, trusted } from './markup.ts';
import type { Section } from './section.ts';
import { STYLE } from './style.ts';

/** The report as one page that needs no network; pictures that do not fit lie beside it. */
export function renderHtml({ manifest }: RunData, analysis: Analysis, sections: readonly Section[]): string {
  const { question } = verdictOf(manifest, analysis);
  const explainers = manifest.methods.filter(m => m.role === 'method').length;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="generator" content="ct-xai-bench">
<title>${manifest.name} – ct-xai-bench</title><style>${trusted(STYLE)}</style></head>
<body><header><h1>${question}</h1><p class="soft">${manifest.name}: ${plural(explainers, 'explainer')} on ${manifest.dataset.name}, by ct-xai-bench ${manifest.versions['ct-xai-bench'] ?? ''}${manifest.state === 'complete' ? '' : `; run ${manifest.state}`}</p><p class="print-only note">This is the printed form. The page itself has more: tables that are folded away, and the whole gallery.</p></header>
<nav aria-label="Contents"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>
${sections.map(({ id, title, html: body }) => html`<section id="${id}"><h2>${title}</h2>${body}</section>\n`)}</main>
<footer>ct-xai-bench ${manifest.versions['ct-xai-bench'] ?? ''} · ${whenLine(manifest)} · plan ${manifest.planDigest.slice(0, 12)}</footer>
</body></html>
`;
  return page.markup;
}
