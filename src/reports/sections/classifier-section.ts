import { DOUBTS } from '../../core/image/doubts.ts';
import type { Estimate, Performance } from '../../core/statistics/performance.ts';
import type { Manifest, SampleRow } from '../../results/rows.ts';
import type { ModelAnalysis } from '../analysis/analysis.ts';
import type { ClassifierAnalysis } from '../analysis/classifier.ts';
import { reliabilityChart } from '../charts/reliability-chart.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { fixed, group, percent, plural } from '../text/format.ts';
import { byModel, markdownTable, markdownText } from '../text/markdown.ts';
import { regressionMarkdown, regressionPart } from './regression-part.ts';

/** How good each classifier is on this data: it stands before anything that is said of its explanations. */
export function classifierSection({ analysis: { models }, run: { manifest, summary } }: ReportContext): Section {
  const doubts = [...measuredWarnings(manifest), ...doubtfulImages(summary.samples)];
  return {
    id: 'classifier',
    title: models.every(m => m.model.task === 'regression') ? 'Model' : 'Classifier',
    html: html`${models.map(model => modelPart(model, models.length > 1))}${doubts.map(text => html`<p>${text}</p>`)}`,
    markdown: [...byModel(models, markdownOf), ...doubts.map(markdownText)],
  };
}

/** What was measured on the opened models and a reader has to know, such as that findings do not exclude each other. */
function measuredWarnings({ models }: Manifest): string[] {
  return models.flatMap(({ id, runtime }) => (runtime?.measured?.warnings ?? []).map(text => `${id}: ${text}`));
}

/** Images whose values can hardly be what the data say: their scores are numbers all the same. */
function doubtfulImages(samples: readonly SampleRow[]): string[] {
  const kinds = Object.keys(DOUBTS) as (keyof typeof DOUBTS)[];
  return kinds.flatMap(kind => {
    const ids = [...new Set(samples.filter(s => s.doubt === kind).map(s => s.sample))];
    if (ids.length === 0) return [];
    const some = `${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', …' : ''}`;
    return `${plural(ids.length, 'image')} ${DOUBTS[kind].what}: ${some}. ${DOUBTS[kind].hint}`;
  });
}

function modelPart(entry: ModelAnalysis, several: boolean): Markup {
  const { model, performance: measured, classifier, answered, images } = entry;
  const head = several ? html`<h3>${model.id}</h3>` : undefined;
  if (model.task === 'regression') return html`${head}${regressionPart(entry)}`;
  if (!measured || !classifier) {
    const why =
      answered === 0
        ? `None of ${plural(images, 'image')} was classified.`
        : `None of the ${plural(answered, 'classified image')} has a label that is one of the model’s classes (${model.classes.join(', ')}): nothing can be measured.`;
    return html`${head}<p>${why}</p>`;
  }
  const unlabelled = answered - measured.images;
  return html`${head}<p class="note">Over ${plural(measured.images, 'image')} of ${plural(measured.patients, 'patient')}${
    unlabelled > 0 ? html`; ${plural(unlabelled, 'image')} without a usable label left out` : undefined
  }. Shares are over images; intervals: ${measured.interval}.</p>
<div class="figures"><div>${figuresTable(measured, classifier.classes)}${confusion(measured, classifier.classes)}</div>
${reliability(measured, classifier.classes)}</div>${levelsTable(entry)}${findingsTable(classifier)}`;
}

function measureText(estimate: Estimate): string {
  return estimate.value === null ? '–' : `${fixed(estimate.value, 2)} (${endsText(estimate)})`;
}

/** What a table of other units and subgroups says, row by row. */
function levelRows({ classifier }: ModelAnalysis): { readonly title?: string; readonly rows: string[][] }[] {
  if (!classifier) return [];
  const { byExam, byImage, subgroups } = classifier;
  const row = (name: string, { images, patients, sensitivity, specificity, auc }: Performance) => [
    ...[name, group(images), group(patients)],
    ...[sensitivity, specificity, auc].map(measureText),
  ];
  const exams = byExam ? [row(`by ${byExam.unit}`, byExam.performance)] : [];
  const columns = [...new Set(subgroups.map(s => s.column))];
  if (exams.length === 0 && columns.length === 0) return [];
  return [
    { rows: [row('by image', byImage), ...exams] },
    ...columns.map(column => ({
      title: column,
      rows: subgroups.filter(s => s.column === column).map(s => row(s.value, s.performance)),
    })),
  ];
}

const FINDING_COLUMNS = ['Finding', 'Known', 'With it', 'Unknown', 'Sensitivity', 'Specificity', 'AUC'] as const;

/** Findings that do not exclude each other: each is measured by itself, over the images of which the data know it. */
function findingRows({ findings = [] }: ClassifierAnalysis): string[][] {
  return findings.map(({ finding, known, unknown, positives, performance: p }) => [
    ...[finding, group(known), group(positives), group(unknown)],
    ...[p.sensitivity, p.specificity, p.auc].map(measureText),
  ]);
}

const FINDINGS = 'Each finding by itself: images of which the data say whether it is there, with 95 % intervals';

function findingsTable(classifier: ClassifierAnalysis): Markup | undefined {
  const rows = findingRows(classifier);
  if (rows.length === 0) return undefined;
  return table(
    FINDINGS,
    FINDING_COLUMNS.map((title, i) => ({ title, numeric: i > 0 })),
    [{ rows }],
  );
}

const LEVEL_COLUMNS = ['Unit or subgroup', 'Images or exams', 'Patients', 'Sensitivity', 'Specificity', 'AUC'] as const;

function levelsTable(entry: ModelAnalysis): Markup | undefined {
  const groups = levelRows(entry);
  if (groups.length === 0) return undefined;
  const columns = LEVEL_COLUMNS.map((title, i) => ({ title, numeric: i > 0 }));
  return html`${table('By exam and by subgroup, with 95 % intervals', columns, groups)}${levelNotes(entry).map(
    text => html`<p class="note">${text}</p>`,
  )}`;
}

function levelNotes({ classifier }: ModelAnalysis): string[] {
  if (!classifier) return [];
  const { byExam, subgroups } = classifier;
  return [
    ...(byExam
      ? [
          `The probability of ${byExam.unit === 'exam' ? 'an exam' : 'a patient'} follows from the mean of the log-odds of the images.` +
            (byExam.mixed > 0
              ? ` Left out: ${plural(byExam.mixed, byExam.unit)} whose images have several labels.`
              : ''),
        ]
      : []),
    ...(subgroups.length > 0
      ? ['Subgroups were not compared by a test: where intervals are wide, they say little.']
      : []),
  ];
}

function figuresTable(measured: Performance, classes: readonly string[]): Markup {
  const { positive } = measured;
  const of = positive === null ? 'mean over classes' : `positive: ${classes[positive]}`;
  const row = (name: string, estimate: Estimate, note = '') => [
    note ? html`${name} <small class="of">${note}</small>` : name,
    ...estimateCells(estimate),
  ];
  const rows = [
    row('Accuracy', measured.accuracy),
    row('Sensitivity', measured.sensitivity, of),
    row('Specificity', measured.specificity, of),
    row('AUC', measured.auc, of),
    row('Brier score ↓', measured.brier),
    [
      html`Expected calibration error ↓ <small class="of">${measured.calibration.bins.length} bins</small>`,
      fixed(measured.calibration.ece, 3),
      '',
    ],
  ];
  const byClass =
    positive !== null
      ? []
      : measured.classes.map((c, i) => row(`Sensitivity for ${classes[i]}`, c.sensitivity, plural(c.images, 'image')));
  return table(
    'How well it classifies',
    [{ title: 'Measure' }, { title: 'Value', numeric: true }, { title: '95 % interval', numeric: true }],
    [{ rows: [...rows, ...byClass] }],
  );
}

function estimateCells({ value, low, high }: Estimate): string[] {
  const text = fixed(value ?? undefined, 3);
  return [text, endsText({ value, low, high })];
}

/** Every share and area has an interval; a Brier score of too few patients has none, and says why. */
function endsText({ value, low, high }: Estimate): string {
  if (value === null) return '–';
  if (low === null || high === null) return 'fewer than 6 patients, or none that differ';
  return `${fixed(low, 3)} to ${fixed(high, 3)}`;
}

function confusion({ confusion: counts }: Performance, classes: readonly string[]): Markup {
  const rows = counts.map((row, t) => {
    const total = row.reduce((a, b) => a + b, 0);
    return html`<tr><th scope="row">${classes[t]}</th>${row.map(
      (n, p) =>
        html`<td class="${t === p ? 'hit' : ''}">${group(n)}${
          total > 0 ? html` <small class="soft">${percent(n / total)}</small>` : undefined
        }</td>`,
    )}<td class="num">${group(total)}</td></tr>`;
  });
  return html`<div class="scroll" role="region" tabindex="0" aria-label="Confusion matrix"><table class="confusion"><caption>Confusion matrix: images by label (rows) and prediction (columns)</caption>
<thead><tr><th scope="col">Label</th>${classes.map(name => html`<th scope="col">${name}</th>`)}<th scope="col" class="num">Images</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function reliability(measured: Performance, classes: readonly string[]): Markup {
  const { calibration, positive } = measured;
  const bins = calibration.bins.flatMap(({ low, high, images, predicted, observed }) =>
    predicted === null || observed === null ? [] : [{ low, high, predicted, observed, count: images }],
  );
  const event = positive === null ? 'the predicted class was right' : `the label was ${classes[positive]}`;
  const spoken = bins.map(b => `${fixed(b.predicted, 2)}: ${fixed(b.observed, 2)} of ${b.count}`).join('; ');
  return html`<figure>${reliabilityChart(`Reliability: how often ${event}, by predicted probability. ${spoken}.`, 'predicted probability', bins)}<figcaption>Reliability: how often ${event}, against the probability given for it, in ${calibration.bins.length} bins of equal width. Bars count the images. On the dashed line probabilities mean what they say.</figcaption></figure>`;
}

function markdownOf(entry: ModelAnalysis): string[] {
  if (entry.model.task === 'regression') return regressionMarkdown(entry);
  const { performance: measured, classifier, answered, images } = entry;
  if (!measured || !classifier) {
    return [answered === 0 ? `None of ${plural(images, 'image')} was classified.` : 'No image has a usable label.'];
  }
  const of = measured.positive === null ? 'mean over classes' : `positive: ${classifier.classes[measured.positive]}`;
  const row = (name: string, { value, low, high }: (typeof measured)['accuracy']) => [
    name,
    fixed(value ?? undefined, 3),
    endsText({ value, low, high }),
  ];
  return [
    `Over ${plural(measured.images, 'image')} of ${plural(measured.patients, 'patient')}; ` +
      `shares are over images; intervals: ${measured.interval}.`,
    markdownTable(
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
    markdownTable(
      ['Label', ...classifier.classes],
      measured.confusion.map((counts, i) => {
        const total = counts.reduce((a, b) => a + b, 0);
        return [
          classifier.classes[i] ?? '',
          ...counts.map(n => (total > 0 ? `${group(n)} (${percent(n / total)})` : '0')),
        ];
      }),
      classifier.classes.map((_, i) => i + 1),
    ),
    ...levelsMarkdown(entry),
    ...findingsMarkdown(classifier),
  ];
}

function findingsMarkdown(classifier: ClassifierAnalysis): string[] {
  const rows = findingRows(classifier);
  return rows.length === 0 ? [] : [`${FINDINGS}:`, markdownTable([...FINDING_COLUMNS], rows, [1, 2, 3, 4, 5, 6])];
}

function levelsMarkdown(entry: ModelAnalysis): string[] {
  const rows = levelRows(entry).flatMap(({ title, rows }) =>
    rows.map(([name, ...cells]) => [title === undefined ? name! : `${title}: ${name}`, ...cells]),
  );
  if (rows.length === 0) return [];
  return [markdownTable([...LEVEL_COLUMNS], rows, [1, 2, 3, 4, 5]), ...levelNotes(entry)];
}
