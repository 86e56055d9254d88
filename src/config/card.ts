import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import type { ModelCard } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { mistakenPath } from '../files/mistaken-file.ts';
import { intensitySteps, intensityWindows } from './card-intensity.ts';
import { type CardFile, cardSchema } from './card-schema.ts';
import { type CheckContext, check } from './validate.ts';
import { readYaml } from './yaml.ts';

const WEIGHTS = ['model.onnx', 'model.json', 'model.h5', 'model.keras'];

/**
 * Reads a model card: a YAML file, or a folder that holds `model.yaml`.
 * @throws CtXaiError CARD if the card is missing or not sound; MODEL if its weights are missing or empty.
 */
export async function readCard(path: string): Promise<ModelCard> {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'model.yaml') : path;
  if (!existsSync(file)) {
    throw new CtXaiError('CARD', `there is no model card ${file}.`, {
      hint: 'A card is a file model.yaml beside the weights: file, classes, input.size, intensity.',
    });
  }
  if (!['.yaml', '.yml', '.json'].includes(extname(file)) || basename(file) === 'model.json') {
    throw new CtXaiError('CARD', `${file} is not a model card.`, {
      hint: 'Write a card model.yaml beside it, or an inline one in the suite: { file: …, classes: […], input: … }.',
    });
  }
  const { value, place } = await readYaml(file, 'CARD', 'the model card');
  const parsed = check<CardFile>(cardSchema, value, { code: 'CARD', place });
  return completeCard(parsed, { folder: dirname(file), origin: file, place });
}

/** Checks a card that stands in a suite. `path` is its place there; `folder` is where its file's path starts. */
export function inlineCard(value: unknown, context: Omit<CheckContext, 'code'> & { folder: string }): ModelCard {
  const parsed = check<CardFile>(cardSchema, value, { ...context, code: 'CARD' });
  return completeCard(parsed, { folder: context.folder, place: p => context.place([...(context.path ?? []), ...p]) });
}

interface Origin {
  readonly folder: string;
  /** Absent: the card is inline. */
  readonly origin?: string;
  readonly place: CheckContext['place'];
}

/** Fills in what depends on other keys, and checks what the schema can't. */
function completeCard(card: CardFile, { folder, origin, place }: Origin): ModelCard {
  const fail = (path: readonly PropertyKey[], message: string, hint?: string): CtXaiError =>
    new CtXaiError('CARD', `${place(path)}: ${message}`, hint === undefined ? {} : { hint });
  const file = findWeights(card.file, folder, place);
  const format = card.format ?? formatOf(file);
  if (!format) {
    const { what, hint } = mistakenPath(file);
    throw fail(
      ['file'],
      `${basename(file)}: ${what}.`,
      `${hint} If it is a model all the same, set 'format' to onnx or tfjs.`,
    );
  }
  const double = card.classes.find((name, i) => card.classes.indexOf(name) !== i);
  if (double !== undefined) throw fail(['classes'], `the class '${double}' stands twice.`);
  if (card.task === 'sigmoid' && card.classes.length !== 2) {
    throw fail(['classes'], `a sigmoid model has 2 classes [negative, positive], not ${card.classes.length}.`);
  }
  if (card.task !== 'regression' && card.classes.length < 2) {
    throw fail(
      ['classes'],
      'a classifier has two classes at least.',
      "If the file puts out a value and no class, write 'task: regression'; 'classes' then names its values.",
    );
  }
  if (card.task === 'regression' && card.emits === 'probabilities') {
    throw fail(['emits'], 'a regression puts out values, and no probabilities.', "Leave 'emits' out.");
  }
  if (card.measure !== undefined && card.task !== 'regression') {
    throw fail(['measure'], "a unit of values belongs to 'task: regression'.");
  }
  const { channels, size } = card.input;
  const steps = intensitySteps(card, (...path) => place(['intensity', ...path]));
  if (card.positive !== undefined && !card.classes.includes(card.positive)) {
    throw fail(['positive'], `positive is '${card.positive}', which is none of ${card.classes.join(', ')}.`);
  }
  const { unit } = card.intensity;
  const { spacing, region, margin, ...resize } = card.resize;
  const { window, windows } = intensityWindows(card, (...path) => place(['intensity', ...path]));
  if (card.resize.round && unit === 'HU') {
    throw fail(['resize', 'round'], 'round means whole grey levels 0…255; it makes no sense for HU.');
  }
  const { threshold } = card;
  if (threshold !== undefined && card.task !== 'multi-label') {
    throw fail(
      ['threshold'],
      "a threshold belongs to 'task: multi-label'; elsewhere the most probable class is predicted.",
    );
  }
  const strange =
    typeof threshold === 'object' ? Object.keys(threshold).find(f => !card.classes.includes(f)) : undefined;
  if (strange !== undefined) {
    throw fail(['threshold', strange], `threshold names '${strange}', which is none of ${card.classes.join(', ')}.`);
  }
  if (region === 'lungs' && unit !== 'HU') {
    throw fail(
      ['resize', 'region'],
      "the lungs are found by Hounsfield units; set intensity.unit to HU, or take 'body'.",
    );
  }
  if (margin !== undefined && region === undefined) {
    throw fail(['resize', 'margin'], "a margin goes around a 'region', and the card names none.");
  }
  return {
    id: card.id ?? (origin === undefined ? basename(file, extname(file)) : basename(resolve(folder))),
    file,
    origin: origin ?? file,
    format,
    task: card.task,
    emits: card.emits,
    // Nothing at the end of a regression is cut off: a sigmoid there bounds its values.
    explainAt: card.task === 'regression' ? 'output' : card.explainAt,
    classes: card.classes,
    ...(card.positive === undefined ? {} : { positive: card.positive }),
    ...(card.group === undefined ? {} : { group: card.group }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(card.measure === undefined ? {} : { measure: card.measure }),
    input: {
      size: typeof size === 'number' ? [size, size] : size,
      channels,
      ...(channels === 3 ? { colour: card.input.colour } : {}),
      layout: card.input.layout ?? (format === 'onnx' ? 'NCHW' : 'NHWC'),
      ...(card.input.name === undefined ? {} : { name: card.input.name }),
    },
    ...(card.output === undefined ? {} : { output: card.output }),
    intensity: {
      unit,
      window,
      ...(windows ? { windows } : {}),
      air: card.intensity.air ?? (unit === 'HU' ? -1000 : window[0]),
      steps,
    },
    resize: {
      ...resize,
      ...(spacing === undefined ? {} : { spacing }),
      ...(region === undefined ? {} : { region }),
      ...(margin === undefined ? {} : { margin }),
    },
    ...(card.camLayer === undefined ? {} : { camLayer: card.camLayer }),
    ...(card.quantisation === undefined ? {} : { quantisation: card.quantisation }),
    ...(card.training === undefined ? {} : { training: card.training }),
    ...(card.licence === undefined ? {} : { licence: card.licence }),
    ...(card.performance === undefined ? {} : { performance: card.performance }),
  };
}

function findWeights(name: string | undefined, folder: string, place: CheckContext['place']): string {
  const candidates = name === undefined ? WEIGHTS : [name];
  const paths = candidates.map(c => (isAbsolute(c) ? c : resolve(folder, c)));
  const file = paths.find(path => existsSync(path) && statSync(path).isFile());
  if (file === undefined) {
    throw new CtXaiError('MODEL', `${place(['file'])}: there is no model file ${paths.join(' or ')}.`, {
      hint: "Check the card's 'file'; its path starts from the card (from the suite, where the card is inline).",
    });
  }
  if (statSync(file).size === 0) throw new CtXaiError('MODEL', `${place(['file'])}: the model file ${file} is empty.`);
  return file;
}

function formatOf(file: string): ModelCard['format'] | undefined {
  if (file.endsWith('.onnx')) return 'onnx';
  return /\.(json|h5|hdf5|keras)$/.test(file) ? 'tfjs' : undefined;
}
