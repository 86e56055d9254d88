import type { Manifest } from '../../results/rows.ts';
import type { Analysis } from '../analysis/analysis.ts';
import { primaryEntry, verdictOf } from '../analysis/verdict.ts';
import type { Rating } from '../reading/with-readings.ts';
import type { RunData } from '../summary/run-data.ts';
import { countOf } from '../summary/tally.ts';
import { AUDIT_WORDS } from '../text/audit-words.ts';
import { fixed, listed, percent, plural } from '../text/format.ts';
import { markdownTable, markdownText } from '../text/markdown.ts';
import { dataLine, hardwareLine, whenLine } from '../text/provenance-lines.ts';
import { scopeText } from '../text/trainings-words.ts';

const AUTHOR = 'For the author.';

interface ChecklistItem {
  readonly item: string;
  readonly answer: string;
}

/**
 * `reporting.md`: what CLAIM (2024), TRIPOD+AI (2024) and STARD-AI ask of a study of this kind, in our own words, each
 * item filled from the run or left to the author.
 */
export function renderChecklist(run: RunData, analysis: Analysis): string {
  const { manifest } = run;
  const groups = [
    ['Question and design', designItems(run, analysis)],
    ['Data', dataItems(run)],
    ['Reference standard', referenceItems(run)],
    ['Model', modelItems(manifest)],
    ['Explanations and their evaluation', explanationItems(manifest, analysis, run.readings ?? [])],
    ['Statistics', statisticsItems(analysis)],
    ['Results', resultItems(manifest, analysis)],
    ['Openness', opennessItems(manifest)],
  ] as const;
  let number = 0;
  const blocks = groups.flatMap(([title, items]) => [
    `## ${title}`,
    markdownTable(
      ['', 'What must be said', 'In this run'],
      items.map(({ item, answer }) => [String(++number), item, answer]),
      [0],
    ),
  ]);
  return `${[
    `# Checklist for reporting: ${markdownText(manifest.name)}`,
    'After CLAIM 2024, TRIPOD+AI and STARD-AI, in our own words. Items that a run can answer are filled in; the others are for the author. The list does not replace the guidelines: read the one that your journal asks for.',
    ...blocks,
  ].join('\n\n')}\n`;
}

function item(text: string, answer = AUTHOR): ChecklistItem {
  return { item: text, answer };
}

function designItems({ manifest }: RunData, analysis: Analysis): ChecklistItem[] {
  const { settings, models } = analysis;
  const [first] = models;
  const primary = first && primaryEntry(first)?.metric.title;
  return [
    item('The question, and why it matters clinically', `${verdictOf(manifest, analysis).question} ${AUTHOR}`),
    item('Whether the study looks back or ahead, and its ethics approval'),
    item(
      'The primary measure, and that it was chosen before the results were known',
      primary === undefined
        ? 'There is none.'
        : `${primary}; ${settings.declared ? 'declared in the suite' : 'not declared: chosen by the report’s rule'}${manifest.analysis?.changed ? '; changed after the run had begun' : ''}.`,
    ),
    item('How many patients were needed, and how that was computed', `${AUTHOR} ct-xai plan --detect computes it.`),
  ];
}

function dataItems({ manifest, summary }: RunData): ChecklistItem[] {
  const patients = new Set(summary.samples.map(s => s.patient)).size;
  const samples = new Set(summary.samples.map(s => s.sample)).size;
  const out = summary.samples.filter(s => s.status !== 'ok').length;
  return [
    item('Where the data come from, when, and who could enter', `${dataLine(manifest)}. ${AUTHOR}`),
    item(
      'How many patients and images were used, and of which class',
      `${plural(samples, 'image')} of ${plural(patients, 'patient')}.`,
    ),
    item('What was left out and why', `${plural(out, 'classification')} without an answer; see Outcomes. ${AUTHOR}`),
    item('Age, sex, disease severity, scanners and protocols', AUTHOR),
    item(
      'How images were prepared (window, size, intensity), and how identities were removed',
      `The model cards say how images were prepared. ${AUTHOR}`,
    ),
    item('That no patient of the test data was trained on', AUTHOR),
  ];
}

function referenceItems({ summary }: RunData): ChecklistItem[] {
  const masks = new Set(summary.samples.filter(s => s.hasMask).map(s => s.sample)).size;
  return [
    item('What the reference standard was, and who read it, blinded to what'),
    item(
      'Who drew lesions, with which tool, and how far readers agreed',
      masks > 0 ? `${plural(masks, 'image')} with a mask. ${AUTHOR}` : 'No image has a mask.',
    ),
  ];
}

function modelItems({ models }: Manifest): ChecklistItem[] {
  return [
    item(
      'Architecture, inputs and outputs, and the exact version',
      `${listed(models.map(m => `${m.id}: ${m.task}, classes ${m.classes.join(', ')}, digest ${m.digest.slice(0, 12)}`))}. ${AUTHOR}`,
    ),
    item('How it was trained, tuned and chosen'),
    item(
      'Software and hardware that it ran on',
      listed(
        models.map(m =>
          m.runtime
            ? `${m.id}: ${m.runtime.engine} ${m.runtime.engineVersion} on ${m.runtime.device}`
            : `${m.id}: never opened`,
        ),
      ),
    ),
  ];
}

function explanationItems(
  { methods, metrics, target }: Manifest,
  { models }: Analysis,
  readings: readonly Rating[],
): ChecklistItem[] {
  const controls = methods.filter(m => m.role === 'control');
  return [
    item(
      'Which explainers, with all options and sources',
      `${listed(methods.filter(m => m.role === 'method').map(m => m.id))}; options under Provenance, sources in methods.bib.`,
    ),
    item('Which class was explained', target),
    item(
      'Which controls the explainers were held against',
      controls.length > 0 ? listed([...new Set(controls.map(m => m.name))]) : 'None.',
    ),
    item(
      'By which metrics, with which baselines',
      listed(metrics.map(m => (m.baseline === undefined ? m.id : `${m.id} (${m.baseline})`))),
    ),
    item(
      'Whether metrics could tell a right map from a wrong one here',
      listed(models.map(auditLine).filter(line => line !== '')) ||
        'No metric was audited: the run has no controls whose right value is known.',
    ),
    item('Whether readers judged the maps, and how they were blinded', readersLine(readings)),
  ];
}

function readersLine(readings: readonly Rating[]): string | undefined {
  if (readings.length === 0) return undefined;
  const readers = new Set(readings.map(r => r.reader)).size;
  const items = new Set(readings.map(r => JSON.stringify([r.set, r.item]))).size;
  return `${plural(readers, 'reader')} rated ${plural(items, 'map')} without knowing the explainer, controls among them; see Readers. ${AUTHOR}`;
}

/** 'phantom-cnn: srg supported; deletion contradicted'. */
function auditLine({ model, audit }: Analysis['models'][number]): string {
  const verdicts = [...new Set(audit.map(e => e.verdict))];
  const parts = verdicts.map(v => `${listed(audit.filter(e => e.verdict === v).map(e => e.metric))} ${AUDIT_WORDS[v]}`);
  return parts.length === 0 ? '' : `${model.id}: ${parts.join('; ')}`;
}

function statisticsItems({ models, settings }: Analysis): ChecklistItem[] {
  return [
    item(
      'The unit of analysis, and how several images of a patient were handled',
      'The patient: means over patients of means within patients.',
    ),
    item(
      'Intervals, tests, and how many comparisons were allowed for',
      'See Methods: bootstrap-t intervals, max-T tests over all pairs.',
    ),
    item(
      'Missing values',
      `Left out and counted; explainers with values for under ${percent(settings.least)} of the images are not ranked.`,
    ),
    item(
      'Subgroups, and whether they were named beforehand',
      `Strata: ${listed(settings.strata) || 'none'}; ${listed([...new Set(models.flatMap(m => m.strata.map(s => s.name)))]) || 'none was found in the data'}.`,
    ),
  ];
}

function resultItems(manifest: Manifest, analysis: Analysis): ChecklistItem[] {
  const { models } = analysis;
  const auc = models.flatMap(({ model, performance: p }) =>
    p?.auc.value == null
      ? []
      : [
          `${model.id}: AUC ${fixed(p.auc.value, 2)}${p.auc.low === null ? '' : ` (${fixed(p.auc.low, 2)} to ${fixed(p.auc.high ?? undefined, 2)})`}`,
        ],
  );
  const failed = models.reduce((n, m) => n + m.maps.reduce((k, cell) => k + countOf(cell.others, 'failed'), 0), 0);
  return [
    item('How well the classifier does on these data, with intervals', listed(auc) || 'Not known: no usable labels.'),
    item('The main result, with its uncertainty', verdictOf(manifest, analysis).sentences.join(' ')),
    item('Failures', failed > 0 ? `${plural(failed, 'map')} failed; see Outcomes.` : 'No map failed.'),
    item(
      'What the results mean for practice, and what they do not show',
      `${scopeText(analysis.trainings, models)} ${AUTHOR}`,
    ),
  ];
}

function opennessItems(manifest: Manifest): ChecklistItem[] {
  return [
    item(
      'How to repeat it',
      `${manifest.command} (seed ${manifest.seed}, plan ${manifest.planDigest.slice(0, 12)}; ${whenLine(manifest)}; ${hardwareLine(manifest)}).`,
    ),
    item('Where data, weights and code can be had'),
    item('Funding and interests'),
  ];
}
