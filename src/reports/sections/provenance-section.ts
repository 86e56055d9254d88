import type { Runtime } from '../../core/contracts/index.ts';
import type { Manifest } from '../../results/rows.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { markdownTable, markdownText } from '../text/markdown.ts';
import { dataLine, hardwareLine, whenLine } from '../text/provenance-lines.ts';
import { explainedText, givesValues } from '../text/words.ts';

/** All that is needed to run it again, and whom to cite. */
export function provenanceSection({ run: { manifest }, names }: ReportContext): Section {
  const rows: (readonly (Markup | string)[])[] = [
    ['State', manifest.state + (manifest.resumed > 0 ? `, resumed ${manifest.resumed} ×` : '')],
    ['Time', whenLine(manifest)],
    ['Seed', html`<code>${manifest.seed}</code>`],
    ['Plan digest', html`<code>${manifest.planDigest}</code>`],
    ['Data', dataLine(manifest)],
    ['Data digest', html`<code>${manifest.dataset.digest}</code>`],
    explainedRow(manifest),
    ['Hardware', hardwareLine(manifest)],
    [
      'Versions',
      Object.entries(manifest.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['Run folder format', String(manifest.formatVersion)],
  ];
  const page = html`<h3>Command</h3><pre class="wrap"><code>${manifest.command}</code></pre>
${table('The run', [{ title: 'Item' }, { title: 'Value', style: 'wide' }], [{ rows }])}
${models(manifest)}${parts(manifest)}
${references(manifest, names)}
<details><summary>The suite, resolved</summary><pre><code>${JSON.stringify(manifest.suite, null, 2) ?? ''}</code></pre></details>`;
  return { id: 'provenance', title: 'Provenance', html: page, markdown: markdownOf(manifest) };
}

/** The layer that class activation maps were read at, and what else there was; or why there was none. */
function camLayerOf({ camLayer, otherCamLayers = [], noCamLayer }: Runtime): string {
  if (camLayer === undefined) return noCamLayer === undefined ? 'none' : `none: ${noCamLayer}`;
  return otherCamLayers.length === 0 ? camLayer : `${camLayer} (others: ${otherCamLayers.join(', ')})`;
}

function models({ models: list }: Manifest): Markup {
  const rows = list.map(({ id, digest, classes, task, runtime }) => [
    id,
    runtime ? `${runtime.engine} ${runtime.engineVersion} on ${runtime.device}` : 'never opened',
    runtime ? `${runtime.microBatch} / ${runtime.workers} / ${runtime.threads}` : '–',
    runtime ? camLayerOf(runtime) : '–',
    `${task}: ${classes.join(', ')}`,
    html`<code>${digest}</code>`,
    Object.entries(runtime?.limitations ?? {})
      .map(([what, why]) => `${what}: ${why}`)
      .join('; ') || 'none',
  ]);
  return table(
    'Models, and what they ran on',
    [
      { title: 'Model', style: 'name' },
      { title: 'Engine and device' },
      { title: 'Micro-batch / workers / threads' },
      { title: 'CAM layer' },
      { title: 'Task and classes' },
      { title: 'Digest', style: 'wide' },
      { title: 'Not possible with it, and why', style: 'wide' },
    ],
    [{ rows }],
  );
}

function parts({ methods, metrics, models }: Manifest): Markup {
  const regressions = givesValues(models);
  // Every score of a regression is the value itself, whatever the option says; metrics say by it whether they have meaning.
  const shown = (value: unknown) =>
    regressions && value !== null && typeof value === 'object' && 'score' in value
      ? { ...value, score: 'value' }
      : value;
  const options = (value: unknown) => {
    const text = JSON.stringify(value) ?? '';
    return text === '{}' || text === '' ? '–' : html`<code>${text}</code>`;
  };
  return html`<details><summary>Options of methods and metrics</summary>${table(
    'Options, defaults filled in',
    [
      { title: 'Part', style: 'name' },
      { title: 'Uses' },
      { title: 'Kind' },
      { title: 'Baseline' },
      { title: 'Options', style: 'wide' },
    ],
    [
      {
        title: 'Methods and controls',
        rows: methods.map(m => [
          m.id,
          m.name,
          m.role === 'control' ? 'control' : m.kind,
          m.baseline ?? '–',
          options(shown(m.options)),
        ]),
      },
      {
        title: 'Metrics',
        rows: metrics.map(m => [
          m.id,
          m.name,
          `${m.category}, ${m.better} is better`,
          m.baseline ?? '–',
          options(m.options),
        ]),
      },
    ],
  )}</details>`;
}

function references({ methods, metrics }: Manifest, names: Names): Markup {
  const entries = [
    ...methods.map(m => ({ id: names.methodSource(m), name: m.id, title: m.title, cite: m.cite })),
    ...metrics.map(m => ({ id: names.metricSource(m), name: m.id, title: m.title, cite: m.cite })),
  ];
  return html`<h3 id="references">References</h3><ol class="cites">${entries.map(
    ({ id, name, title, cite }) => html`<li id="${id}"><b>${name}</b> – ${title}. ${cite || 'No source.'}</li>`,
  )}</ol>`;
}

function markdownOf(manifest: Manifest): string[] {
  const cites = [...manifest.methods, ...manifest.metrics].map(
    ({ id, title, cite }) =>
      `- **${markdownText(id)}** – ${markdownText(title)}. ${markdownText(cite || 'No source.')}`,
  );
  return [
    markdownTable(
      ['Item', 'Value'],
      [
        ['Command', manifest.command],
        ['State', manifest.state + (manifest.resumed > 0 ? `, resumed ${manifest.resumed} ×` : '')],
        ['Time', whenLine(manifest)],
        ['Seed', manifest.seed],
        ['Plan digest', manifest.planDigest],
        ['Data', `${dataLine(manifest)}; digest ${manifest.dataset.digest}`],
        ['Hardware', hardwareLine(manifest)],
        [
          'Versions',
          Object.entries(manifest.versions)
            .map(([name, version]) => `${name} ${version}`)
            .join(', '),
        ],
        ...manifest.models.map(({ id, digest, runtime }) => [
          `Model ${id}`,
          `${
            runtime
              ? `${runtime.engine} ${runtime.engineVersion} on ${runtime.device}, micro-batch ${runtime.microBatch}, ` +
                `workers ${runtime.workers}, threads ${runtime.threads}, CAM layer ${camLayerOf(runtime)}`
              : 'never opened'
          }; digest ${digest}`,
        ]),
      ],
    ),
    `### References\n\n${cites.join('\n')}`,
  ];
}

/** ['Class explained', 'covid, the positive class'] */
function explainedRow(manifest: Manifest): [string, string] {
  const text = explainedText(manifest);
  const at = text.indexOf(': ');
  return [`${text[0]!.toUpperCase()}${text.slice(1, at)}`, text.slice(at + 2)];
}
