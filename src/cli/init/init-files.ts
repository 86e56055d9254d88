import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { builtinRegistry } from '../../builtin.ts';
import { loadPlan } from '../../config/resolve.ts';
import { samplesOf } from '../../config/samples.ts';
import type { FileOutline, FullClassifier } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { cacheFolder } from '../shared/cache.ts';
import { counted } from '../shared/counted.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { ExitCode, print, shownPath } from '../shared/output.ts';
import { agreementOf, figureOf, type LabelAgreement, type LabelledSample } from './agreement.ts';
import { asCard, type DraftCard, openDraft, scoresOf } from './draft-card.ts';
import { outlineFile, weightsAt } from './find-weights.ts';
import { intensitiesFor, inYaml } from './intensities.ts';
import { type FoundData, lookAtData, nameOfData } from './look-at-data.ts';
import { type NamedClasses, nameClasses, nameValue, numberClasses } from './name-classes.ts';
import { cardText, type Findings, suiteText } from './write-yaml.ts';

export interface InitArguments {
  readonly model: string;
  readonly data?: string | undefined;
  readonly out: string;
  readonly classes?: readonly string[] | undefined;
  readonly force: boolean;
}

/** Labelled images that the model is tried on. */
const TRIED = 24;

/** `ct-xai init`: writes a card and a suite. @throws CtXaiError USAGE where a file would be overwritten */
export async function initFiles(argv: InitArguments): Promise<number> {
  const folder = resolve(argv.out);
  const files = { card: join(folder, 'model.yaml'), suite: join(folder, 'suite.yaml') };
  const there = Object.values(files).filter(file => existsSync(file));
  if (there.length > 0 && !argv.force) {
    throw new CtXaiError('USAGE', `${there.map(shownPath).join(' and ')} would be overwritten.`, {
      hint: 'Give --force to overwrite, or --out with another folder.',
    });
  }
  const registry = builtinRegistry();
  const weights = weightsAt(argv.model);
  const outline = await outlineFile(weights, registry);
  const data = await lookAtData(argv.data, registry);
  const interrupts = interruptSignal();
  try {
    const found = await measure({ argv, weights, outline, data, registry, folder, signal: interrupts.signal });
    await mkdir(folder, { recursive: true });
    await writeFile(files.card, cardText(found));
    await writeFile(files.suite, suiteText(found));
    // What was written is what `check` reads: a fault in it shows here.
    await loadPlan(files.suite, registry, { env: process.env });
    report(found, files);
  } finally {
    interrupts.release();
  }
  return ExitCode.ok;
}

interface Measuring {
  readonly argv: InitArguments;
  readonly weights: string;
  readonly outline: FileOutline;
  readonly data: FoundData;
  readonly registry: Registry;
  readonly folder: string;
  readonly signal: AbortSignal;
}

async function measure(at: Measuring): Promise<Findings> {
  const { argv, weights, outline, data, registry, folder, signal } = at;
  const { input } = outline;
  const { units, tail, output } = scoresOf(outline, data.path === undefined ? 0 : data.dataset.labels.length, weights);
  const { labels } = data.dataset;
  const known = data.path !== undefined || argv.classes !== undefined;
  // The phantom's labels are no values.
  const value = data.path === undefined ? undefined : nameValue({ units, tail }, labels, argv.classes);
  const named = value ?? (known ? nameClasses(units, labels, argv.classes) : numberClasses(units, labels));
  const intensities = intensitiesFor(data.unit, input.channels);
  const draft = {
    file: pathFrom(folder, weights),
    classes: named.classes,
    ...(named.positive === undefined ? {} : { positive: named.positive }),
    ...(output === undefined ? {} : { output }),
    input: { size: input.size, channels: input.channels, layout: input.layout },
    intensity: intensities[0]!,
  };
  const opened = await openDraft(
    draft,
    { units, tail, regression: value !== undefined, folder },
    { registry, cacheDir: cacheFolder(), signal },
  );
  try {
    const { runtime } = opened.model;
    const tried = await compareIntensities(opened.model, opened.draft, { named, data, folder, signal, intensities });
    return {
      draft: opened.draft,
      runtime,
      named,
      data,
      ...(data.path === undefined ? {} : { dataPath: pathFrom(folder, data.path) }),
      anySize: input.anySize,
      measured: tried.measured,
      unknown: [
        ...(input.guess === undefined ? [] : [input.guess]),
        ...named.doubts,
        ...emissionDoubts(opened.draft, tail),
        intensityDoubt(data),
        ...tried.doubts,
        ...(runtime.measured?.warnings ?? []),
      ],
    };
  } finally {
    await opened.model.close();
  }
}

function emissionDoubts({ task, emits }: DraftCard, tail: string | undefined): string[] {
  if (tail !== undefined || emits === 'probabilities' || task === 'regression') return [];
  if (task === 'sigmoid') {
    return [
      "One output without a sigmoid at its end: taken for a classifier's logit. A regression looks the same: give its value a name with --classes NAME.",
    ];
  }
  return [
    'The outputs are logits, and whether the classes exclude each other (softmax) or are findings by themselves ' +
      '(task: multi-label) can’t be seen from them.',
  ];
}

function intensityDoubt({ unit }: FoundData): string {
  const what = unit === 'HU' ? 'window of Hounsfield units' : 'normalisation';
  return `The ${what} that the model was trained with stands in no file. Set 'intensity' below as in its training.`;
}

/** What the model makes of labelled images under each intensity: a wrong one shows as answers at random. */
async function compareIntensities(
  model: FullClassifier,
  draft: DraftCard,
  at: Pick<Measuring, 'data' | 'folder' | 'signal'> & {
    readonly named: NamedClasses;
    readonly intensities: readonly DraftCard['intensity'][];
  },
): Promise<{ measured: string[]; doubts: string[] }> {
  const { data, named, folder, signal, intensities } = at;
  const samples: LabelledSample[] = [];
  for await (const sample of samplesOf({ dataset: data.dataset, limit: TRIED })) {
    const name = sample.label === undefined ? null : (named.labels[sample.label] ?? sample.label);
    const label = name === null ? -1 : named.classes.indexOf(name);
    if (label >= 0) samples.push({ sample, label });
  }
  if (data.path === undefined || new Set(samples.map(s => s.label)).size < 2) return { measured: [], doubts: [] };
  const results: { intensity: DraftCard['intensity']; found: LabelAgreement }[] = [];
  for (const intensity of intensities) {
    const found = await agreementOf(model, asCard({ ...draft, intensity }, folder), samples, signal);
    if (found) results.push({ intensity, found });
  }
  const [first] = results;
  if (!first) return { measured: [], doubts: ['No labelled image could be read.'] };
  const figure = first.found.auc === undefined ? 'accuracy' : 'AUC';
  const shown = results.map(({ intensity, found }) => `${inYaml(intensity)} ${figureOf(found).toFixed(2)}`);
  const measured = [`${figure} on ${first.found.images} labelled images, by intensity: ${shown.join('; ')}.`];
  const doubts: string[] = [];
  const best = results.reduce((a, b) => (figureOf(b.found) > figureOf(a.found) ? b : a));
  const worst = results.reduce((a, b) => (figureOf(b.found) < figureOf(a.found) ? b : a));
  // Far below chance is agreement too, with the classes the other way round.
  if (worst.found.auc !== undefined && 0.5 - worst.found.auc > Math.max(0.2, figureOf(best.found) - 0.5)) {
    const how = `Under intensity ${inYaml(worst.intensity)} the model answers the opposite of the labels`;
    doubts.push(`${how}: the order of the classes may be the other way round.`);
  } else if (figureOf(best.found) > figureOf(first.found) + 0.1) {
    doubts.push(
      `The model agrees better with the labels under intensity ${inYaml(best.intensity)}: see the figures below.`,
    );
  }
  return { measured, doubts };
}

/** A path as it is written in a file of a folder: relative, with '/'. */
function pathFrom(folder: string, path: string): string {
  const from = relative(folder, path).split(sep).join('/');
  return from.startsWith('.') ? from : `./${from}`;
}

function report(found: Findings, files: { readonly card: string; readonly suite: string }): void {
  const { draft, data, runtime, unknown, measured } = found;
  const { images, patients, masks } = data.summary;
  const { size, channels } = draft.input;
  print(
    `model    ${draft.file}: ${size.join(' × ')} × ${channels}, ${draft.task === 'regression' ? 'a value' : `${draft.classes.length} classes`} (${draft.classes.join(', ')})`,
  );
  const emits = draft.task === 'regression' ? '' : `, ${draft.emits}`;
  print(`emits    ${draft.task}${emits}: ${runtime.measured?.emits ?? 'not measured'}`);
  print(`layer    ${runtime.camLayer ?? 'none for class activation maps'}`);
  print(
    `data     ${nameOfData(data)}, by ${data.options.use}: ${counted(images, 'image')} of ${counted(patients, 'patient')}, ${masks} with a mask`,
  );
  for (const what of measured) print(`measured ${what}`);
  print('');
  print('What could not be known:');
  for (const what of unknown) print(`- ${what}`);
  if (data.unread !== undefined) print(`- The first images could not be read: ${data.unread}`);
  print('');
  print(`wrote ${shownPath(files.card)} and ${shownPath(files.suite)}`);
  print(`next: check the lines marked CHECK, then 'npx ct-xai check ${shownPath(files.suite)}'`);
}
