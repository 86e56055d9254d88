import { analyse } from '../analysis/analyse.ts';
import type { Analysis } from '../analysis/analysis.ts';
import { budgets } from '../sections/budgets-section.ts';
import { classifier } from '../sections/classifier-section.ts';
import { conclusions } from '../sections/conclusions-section.ts';
import { costs } from '../sections/costs-section.ts';
import { gallery } from '../sections/gallery-section.ts';
import { metricSections, metrics } from '../sections/metrics-section.ts';
import { outcomes } from '../sections/outcomes-section.ts';
import { provenance } from '../sections/provenance-section.ts';
import type { RunData } from '../summary/run-data.ts';
import { group, listed, plural } from '../text/format.ts';
import { whenLine } from '../text/provenance-lines.ts';
import { html, type Markup, trusted } from './markup.ts';
import { createNames } from './part-names.ts';
import { STYLE } from './style.ts';

/** The report as one self-contained page: no network, no scripts. */
export async function renderHtml(run: RunData, analysis: Analysis = analyse(run)): Promise<string> {
  const { manifest } = run;
  const names = createNames(manifest);
  const minute = budgets(analysis, names);
  const contents: readonly (readonly [string, string])[] = [
    ['conclusions', 'Conclusions'],
    ['classifier', 'Classifier'],
    ...metricSections(analysis),
    ['gallery', 'Gallery'],
    ['costs', 'Costs'],
    ...(minute ? [['budgets', 'What a minute buys'] as const] : []),
    ['outcomes', 'Outcomes'],
    ['provenance', 'Provenance'],
  ];
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="generator" content="ct-xai-bench">
<title>${manifest.name} – ct-xai-bench</title><style>${trusted(STYLE)}</style></head>
<body><header><h1>${manifest.name}</h1><p class="soft">Explanations of ${listed(manifest.models.map(m => m.id))} on ${manifest.dataset.name}, compared by ct-xai-bench ${manifest.versions['ct-xai-bench'] ?? ''}</p>${facts(run, analysis)}</header>
<nav aria-label="Contents"><ul>${contents.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>
${conclusions(analysis)}${classifier(analysis)}${metrics(analysis, names)}${await gallery(run, names)}${costs(analysis, run, names)}${minute}${outcomes(analysis)}${provenance(manifest, names)}</main>
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
