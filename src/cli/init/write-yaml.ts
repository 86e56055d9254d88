import { stringify } from 'yaml';
import type { Runtime } from '../../core/contracts/index.ts';
import { counted } from '../shared/counted.ts';
import type { DraftCard } from './draft-card.ts';
import { inYaml } from './intensities.ts';
import type { FoundData } from './look-at-data.ts';
import type { NamedClasses } from './name-classes.ts';

/** What the two files are made of. */
export interface Findings {
  readonly draft: DraftCard;
  readonly runtime: Runtime;
  readonly named: NamedClasses;
  readonly data: FoundData;
  /** The data's path, as it is written in the suite. */
  readonly dataPath?: string;
  /** Whether the model takes images of any size. */
  readonly anySize: boolean;
  /** What could not be known, in sentences: each is to be checked by the user. */
  readonly unknown: readonly string[];
  /** What was measured of the model's answers, in sentences. */
  readonly measured: readonly string[];
}

/** Comment lines of at most 118 characters. */
function comment(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > 114 - indent.length) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map(l => `${indent}# ${l}`).join('\n');
}

/** A value in YAML on one line. */
function scalar(value: string): string {
  return stringify(value, { lineWidth: 0 }).trim();
}

const list = (values: readonly string[]) => `[${values.map(scalar).join(', ')}]`;

const HEAD = 'Written by ct-xai init. Lines marked CHECK could not be known from the files: set them as in training.';

export function cardText({ draft, runtime, anySize, measured, unknown }: Findings): string {
  const { size, channels, layout } = draft.input;
  const square = size[0] === size[1] ? String(size[0]) : `[${size.join(', ')}]`;
  const lines = [
    comment(HEAD),
    ...unknown.map(what => comment(`CHECK: ${what}`)),
    '',
    `file: ${scalar(draft.file)}`,
    comment(`Measured on test images: ${runtime.measured?.emits ?? 'not measured on this engine'}.`),
    `task: ${draft.task}`,
    ...(draft.task === 'regression' ? [] : [`emits: ${draft.emits}`]),
    ...(draft.explainAt === undefined ? [] : [`explainAt: ${draft.explainAt}`]),
    ...measured.map(what => comment(what)),
    `classes: ${list(draft.classes)}`,
    ...(draft.positive === undefined ? [] : [`positive: ${scalar(draft.positive)}`]),
    ...(draft.output === undefined ? [] : [`output: ${scalar(draft.output)}`]),
    ...(anySize ? [comment('The file takes images of any size. CHECK: write the size that it was trained with.')] : []),
    `input: { size: ${square}, channels: ${channels}, layout: ${layout} }`,
    `intensity: ${inYaml(draft.intensity)}`,
    '',
    ...camLines(runtime),
    '# licence: …',
    '# training: …',
    '',
  ];
  return lines.join('\n');
}

function metricLines({ draft, data: { summary } }: Findings): string[] {
  const where = summary.masks > 0 ? ['pointing-game', 'relevance-mass'] : [];
  if (draft.task !== 'regression') return [`metrics: [${['deletion', 'insertion', 'srg', ...where].join(', ')}]`];
  const options = 'options: { score: logit, normalised: true }';
  return [
    comment('Curves of a regression follow its value (logit), in shares of the way from the image to the baseline.'),
    'metrics:',
    ...['deletion', 'insertion', 'srg'].map(use => `  - { use: ${use}, ${options} }`),
    ...where.map(use => `  - ${use}`),
  ];
}

function targetLines({ task, classes }: DraftCard): string[] {
  if (task === 'regression') return [comment('The value explained.'), `target: ${scalar(classes[0]!)}`];
  if (task === 'multi-label') {
    return [
      comment('CHECK: The finding explained. A list, such as [A, B], explains and ranks by each of them.'),
      `target: ${scalar(classes[0]!)}`,
    ];
  }
  return [
    comment('The class explained: positive (the card’s), predicted, label (the image’s own), or the name of a class.'),
    'target: positive',
  ];
}

function camLines({ camLayer, limitations }: Runtime): string[] {
  const others = "Others: 'ct-xai explain --model model.yaml --list-layers'.";
  if (camLayer !== undefined) {
    return [
      comment(`The layer of class activation maps, found by itself. ${others}`),
      `# camLayer: ${scalar(camLayer)}`,
    ];
  }
  const why = limitations?.layers ?? 'no layer before the scores has pixels';
  return [comment(`No layer for class activation maps was found: ${why} ${others}`), '# camLayer: …'];
}

export function suiteText(findings: Findings): string {
  const { data, dataPath, named, runtime } = findings;
  const { summary } = data;
  const labels = Object.entries(named.labels);
  const layers = runtime.camLayer !== undefined && runtime.limitations?.layers === undefined;
  const gradients = runtime.limitations?.gradients === undefined;
  const lines = [
    '# yaml-language-server: $schema=node_modules/ct-xai-bench/configs/suite.schema.json',
    comment(HEAD),
    '',
    'models: [./model.yaml]',
    'data:',
    `  use: ${data.options.use}`,
    ...(dataPath === undefined
      ? [
          comment(
            'No data were given: these are synthetic images. Name your own: { use: image-folder, path: … }.',
            '  ',
          ),
        ]
      : [`  path: ${scalar(dataPath)}`]),
    ...(data.options.masks === undefined ? [] : [`  masks: ${scalar(data.options.masks)}`]),
    ...foundLines(data),
    ...(labels.length === 0
      ? []
      : ['  labels:', ...labels.map(([l, c]) => `    ${scalar(l)}: ${c === null ? 'null' : scalar(c)}`)]),
    '',
    'explainers:',
    ...(layers ? ['  - grad-cam'] : [comment('grad-cam: this model has no layer for it.', '  ')]),
    ...(gradients
      ? ['  - integrated-gradients']
      : [comment(`integrated-gradients: this model has no gradients: ${runtime.limitations?.gradients}`, '  ')]),
    '  - lime',
    '  - occlusion',
    comment("All of them: 'ct-xai list explainers'.", '  '),
    ...metricLines(findings),
    '',
    ...targetLines(findings.draft),
    comment('Fewer images for a first run, spread over the labels.'),
    `${summary.images > 50 ? '' : '# '}limit: ${Math.min(50, summary.images)}`,
    '',
  ];
  return lines.join('\n');
}

function foundLines({ summary, options }: FoundData): string[] {
  const { images, patients, masks } = summary;
  const each = Object.entries(summary.labels).map(([label, n]) => `${label || 'no label'} ${n.images}`);
  const lines = [
    comment(
      `Found: ${counted(images, 'image')} of ${counted(patients, 'patient')}, ${masks} with a mask; ${each.join(', ')}.`,
      '  ',
    ),
  ];
  if (patients === images && images > 1 && options.use === 'image-folder') {
    const what =
      'CHECK: nothing says which images are of one patient, so each counts as a patient. If patients have several, add ' +
      'a column patient to index.csv, or a pattern on the path:';
    lines.push(comment(what, '  '), "  # patientPattern: '^([^_/]+)_'");
  }
  return lines;
}
