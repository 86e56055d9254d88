import { analyse } from '../analysis/analyse.ts';
import type { Analysis, CellResult, MetricAnalysis, ModelAnalysis } from '../analysis/analysis.ts';
import type { RunData } from '../summary/run-data.ts';
import {
  budgetsAbout,
  budgetsNote,
  frontText,
  pointCells,
  pointColumns,
  rankingRest,
  settledRows,
} from '../text/budget-words.ts';
import { categoryParts } from '../text/categories.ts';
import { compact, fixed, group, listed, percent, plural } from '../text/format.ts';
import { outcomeLines } from '../text/outcome-lines.ts';
import { dataLine, hardwareLine, whenLine } from '../text/provenance-lines.ts';
import { elsewhereText, middleHalf, placeText, savedText, timingNotes, timingRemarks } from '../text/timing-words.ts';
import {
  controlsText,
  differenceText,
  intervalText,
  metricAbout,
  metricDecimals,
  metricNotes,
  missingText,
  ranksText,
} from '../text/words.ts';

/** The report's tables in GitHub's Markdown. Curves and the gallery are in the page only. */
export function renderMarkdown(run: RunData, analysis: Analysis = analyse(run)): string {
  const { manifest } = run;
  const several = analysis.models.length > 1;
  const samples = new Set(run.summary.samples.map(s => s.sample)).size;
  const patients = new Set(run.summary.samples.map(s => s.patient)).size;
  const blocks = [
    `# ${text(manifest.name)}`,
    `${plural(samples, 'image')} of ${plural(patients, 'patient')} from ${text(manifest.dataset.name)}; ` +
      `${text(listed(manifest.models.map(m => m.id)))}; class explained: ${text(manifest.target)}; ` +
      `run ${manifest.state}. Curves and images are in index.html.`,
    conclusions(analysis),
    '## The classifier on this data',
    ...analysis.models.flatMap(model => [...(several ? [`### ${text(model.model.id)}`] : []), ...classifier(model)]),
    ...categoryParts(analysis).flatMap(({ title, sense, entries }) => [
      `## ${text(title)}`,
      sense,
      ...entries.flatMap(({ model, entry }) => metric(entry, several ? model.model.id : undefined)),
    ]),
    '## Costs',
    ...analysis.models.flatMap(model => [...(several ? [`### ${text(model.model.id)}`] : []), ...costs(model)]),
    ...(analysis.models.some(m => m.budgets) ? ['## What a minute buys', budgetsAbout()] : []),
    ...analysis.models.flatMap(model => [
      ...(several && model.budgets ? [`### ${text(model.model.id)}`] : []),
      ...budgets(model),
    ]),
    '## Outcomes',
    ...analysis.models.flatMap(model => [...(several ? [`### ${text(model.model.id)}`] : []), outcomes(model)]),
    ...provenance(run),
  ];
  return `${blocks.filter(Boolean).join('\n\n')}\n`;
}

function conclusions({ findings }: Analysis): string {
  const part = (title: string, kind: string) => {
    const lines = findings.filter(f => f.kind === kind).map(f => `- ${text(f.text)}`);
    return lines.length > 0 ? `**${title}**\n\n${lines.join('\n')}` : '';
  };
  const parts = [
    part('What this run shows', 'can') || 'No comparison of methods can be drawn from this run.',
    part('To bear in mind', 'caution'),
    part('What it cannot tell', 'cannot'),
  ];
  return `## Conclusions\n\n${parts.filter(Boolean).join('\n\n')}`;
}

function classifier({ model, performance: measured, answered, images }: ModelAnalysis): string[] {
  if (!measured) {
    return [answered === 0 ? `None of ${plural(images, 'image')} was classified.` : 'No image has a usable label.'];
  }
  const of = measured.positive === null ? 'mean over classes' : `positive: ${model.classes[measured.positive]}`;
  const row = (name: string, { value, low, high }: (typeof measured)['accuracy']) => [
    name,
    fixed(value ?? undefined, 3),
    low === null || high === null || low === high ? 'none' : `${fixed(low, 3)} to ${fixed(high, 3)}`,
  ];
  return [
    `Over ${plural(measured.images, 'image')} of ${plural(measured.patients, 'patient')}; ` +
      `shares are over images; intervals: ${measured.interval}.`,
    table(
      ['Measure', 'Value', '95 % interval'],
      [
        row('Accuracy', measured.accuracy),
        row(`Sensitivity (${of})`, measured.sensitivity),
        row(`Specificity (${of})`, measured.specificity),
        row(`AUC (${of})`, measured.auc),
        row('Brier score ↓', measured.brier),
        [
          `Expected calibration error ↓ (${measured.calibration.bins.length} bins)`,
          fixed(measured.calibration.ece, 3),
          '',
        ],
      ],
      [1, 2],
    ),
    'Images by label (rows) and prediction (columns):',
    table(
      ['Label', ...model.classes],
      measured.confusion.map((counts, i) => {
        const total = counts.reduce((a, b) => a + b, 0);
        return [model.classes[i] ?? '', ...counts.map(n => (total > 0 ? `${group(n)} (${percent(n / total)})` : '0'))];
      }),
      model.classes.map((_, i) => i + 1),
    ),
  ];
}

function metric(entry: MetricAnalysis, model: string | undefined): string[] {
  const { methods, controls, ranking } = entry;
  const decimals = metricDecimals(entry);
  const line = (result: CellResult, ranks: string, own: string, others: string) => [
    result.method.id + ((result as { matched?: boolean }).matched ? ' ‡' : ''),
    fixed(result.summary?.mean, decimals),
    intervalText(result.summary, decimals),
    ranks,
    own,
    others,
    group(result.summary?.patients ?? 0),
    group(result.summary?.images ?? 0),
    missingText(result),
  ];
  return [
    `### ${text(entry.metric.title)} ${entry.metric.better === 'higher' ? '↑' : '↓'}${model ? ` on ${text(model)}` : ''}`,
    text(
      `${entry.metric.id}: ${metricAbout(entry.metric).join('; ')}. Mean over patients of the mean within each patient.`,
    ),
    table(
      [
        'Method',
        'Mean',
        '95 % interval',
        'Ranks',
        'Against its own maps of other patients',
        'Beats the controls',
        'Patients',
        'Images',
        'Without a value',
      ],
      [
        ...methods.map(m =>
          line(
            m,
            ranksText(ranking, m.method.id),
            m.shuffled ? differenceText(m.shuffled, decimals).slice(1).join(' ') : '–',
            controlsText(m.controls)[1],
          ),
        ),
        ...controls.map(c => line(c, 'control', '', '')),
      ],
      [1, 2, 3, 6, 7],
    ),
    ...metricNotes(entry).map(text),
  ];
}

function costs(model: ModelAnalysis): string[] {
  const { timings, maps } = model;
  const passes = [
    table(
      ['Method', 'Maps', 'Forward passes', 'Backward passes'],
      maps.map(m => [m.method, group(m.ok.size), compact(m.passes.forward), compact(m.passes.backward)]),
      [1, 2, 3],
    ),
    text(savedText(model)),
  ];
  if (timings.length === 0) return ['No time was measured: this run has no timing phase.', ...passes];
  return [
    'Milliseconds for one explanation, warmed up, methods interleaved.',
    table(
      [
        'Method',
        'Median',
        'Middle half',
        'Mean ± SD',
        '95th percentile',
        'Timed',
        'Device time',
        'CPU',
        'JavaScript',
        'Open',
        'First call',
        'Forward',
        'Backward',
        'Peak memory, MB',
        'Operators elsewhere',
        'Ran on',
      ],
      timings.map(row => [
        row.method,
        row.status === 'ok' ? compact(row.wallMs?.p50) : `${row.status}: ${row.reason ?? 'no reason was recorded'}`,
        middleHalf(row),
        row.wallMs ? `${compact(row.wallMs.mean)} ± ${compact(row.wallMs.sd)}` : '–',
        row.wallMs?.p95 === undefined ? '' : compact(row.wallMs.p95),
        group(row.samples),
        row.deviceMs ? compact(row.deviceMs.p50) : '',
        compact(row.cpuMs),
        compact(row.jsMs),
        compact(row.openMs),
        compact(row.firstMs),
        row.passes ? compact(row.passes.forward) : '–',
        row.passes ? compact(row.passes.backward) : '–',
        compact(row.peakRssMb),
        elsewhereText(row),
        placeText(row),
      ]),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    ),
    timingRemarks(timings)
      .map(line => `- ${text(line)}`)
      .join('\n'),
    timingNotes(timings),
    ...passes,
  ];
}

function budgets({ budgets: tried }: ModelAnalysis): string[] {
  if (!tried) return [];
  const columns = pointColumns(tried);
  const { head, rows } = settledRows(tried);
  return [
    table(
      columns,
      [...tried.points, ...tried.empty].map(point => pointCells(point, tried)),
      columns.map((_, i) => i).slice(1),
    ),
    budgetsNote(),
    tried.metrics
      .map(entry =>
        text(
          `- ${entry.metric.title}: front by passes: ${frontText(entry.fronts.passes)}; by time: ` +
            `${frontText(entry.fronts.time)}. ${rankingRest(entry)}`,
        ),
      )
      .join('\n'),
    ...(rows.length === 0
      ? []
      : [
          'Rank correlation of a map with itself:',
          table(
            [...head],
            rows.map(({ method, cells }) => [method.id, ...cells]),
            head.map((_, i) => i).slice(2),
          ),
        ]),
  ];
}

function outcomes(model: ModelAnalysis): string {
  const lines = outcomeLines(model);
  if (lines.length === 0) return 'Every image, map and value that was run is ok.';
  return table(
    ['Status', 'Rows', 'What', 'Reason'],
    lines.map(l => [l.status, group(l.count), l.what, l.reason + (l.varied ? ' (and alike)' : '')]),
    [1],
  );
}

function provenance({ manifest }: RunData): string[] {
  const cites = [...manifest.methods, ...manifest.metrics].map(
    ({ id, title, cite }) => `- **${text(id)}** – ${text(title)}. ${text(cite || 'No source.')}`,
  );
  return [
    '## Provenance',
    table(
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
                `workers ${runtime.workers}, threads ${runtime.threads}, CAM layer ${runtime.camLayer ?? 'none'}`
              : 'never opened'
          }; digest ${digest}`,
        ]),
      ],
    ),
    `### References\n\n${cites.join('\n')}`,
  ];
}

/** @param numeric columns that are aligned right */
function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  numeric: readonly number[] = [],
): string {
  const line = (cells: readonly string[]) => `| ${cells.map(text).join(' | ')} |`;
  const rule = header.map((_, i) => (numeric.includes(i) ? '---:' : '---'));
  return [line(header), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** Text of a run on one line, with nothing in it that Markdown or HTML would read. */
function text(value: string): string {
  return (
    value
      .replace(/\s+/g, ' ')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u001f\u007f]/g, '\ufffd')
      .replace(/[\\`*_[\]<>#|~&$]/g, '\\$&')
      .trim()
  );
}
