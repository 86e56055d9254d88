import type { Analysis } from '../analysis/analysis.ts';
import type { RunData } from '../summary/run-data.ts';
import { group, listed, plural } from '../text/format.ts';
import { whenLine } from '../text/provenance-lines.ts';
import { html, type Markup, trusted } from './markup.ts';
import type { Section } from './section.ts';
import { STYLE } from './style.ts';

/** The report as one self-contained page: no network, no scripts. */
export function renderHtml(run: RunData, analysis: Analysis, sections: readonly Section[]): string {
  const { manifest } = run;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="generator" content="ct-xai-bench">
<title>${manifest.name} – ct-xai-bench</title><style>${trusted(STYLE)}</style></head>
<body><header><h1>${manifest.name}</h1><p class="soft">Explanations of ${listed(manifest.models.map(m => m.id))} on ${manifest.dataset.name}, compared by ct-xai-bench ${manifest.versions['ct-xai-bench'] ?? ''}</p>${facts(run, analysis)}</header>
<nav aria-label="Contents"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>
${sections.map(({ id, title, html: body }) => html`<section id="${id}"><h2>${title}</h2>${body}</section>\n`)}</main>
<footer>ct-xai-bench ${manifest.versions['ct-xai-bench'] ?? ''} · ${whenLine(manifest)} · plan ${manifest.planDigest.slice(0, 12)}</footer>
</body></html>
`;
  return page.markup;
}

function facts({ manifest, summary }: RunData, { models }: Analysis): Markup {
  const samples = new Set(summary.samples.map(s => s.sample)).size;
  const patients = new Set(summary.samples.map(s => s.patient)).size;
  const methods = manifest.methods.filter(m => m.role === 'method');
  const controls = manifest.methods.length - methods.length;
  const unanswered = models.reduce((n, m) => n + m.images - m.answered, 0);
  const fact = (name: string, value: string, note = '') =>
    html`<div><dt>${name}</dt><dd>${value}${note ? html`<small>${note}</small>` : undefined}</dd></div>`;
  return html`<dl class="facts">${[
    fact(
      'Images',
      group(samples),
      unanswered > 0 ? `${plural(unanswered, 'classification')} without an answer` : `of ${manifest.dataset.name}`,
    ),
    fact('Patients', group(patients), 'the unit of all intervals and tests'),
    fact('Methods', group(methods.length), `${plural(controls, 'control')} beside them`),
    fact('Metrics', group(manifest.metrics.length)),
    fact('Class explained', manifest.target),
    fact('State', manifest.state, manifest.resumed > 0 ? `resumed ${manifest.resumed} ×` : ''),
  ]}</dl>`;
}
