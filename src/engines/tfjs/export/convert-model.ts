import { existsSync, writeFileSync } from 'node:fs';
import type { FullClassifier, ModelCard } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { encodeModel } from '../../onnx/graph/proto.ts';
import { onnxEngine } from '../../onnx/onnx-engine.ts';
import { supportedCard } from '../../shared/supported-card.ts';
import { readModelFiles } from '../keras/model-files.ts';
import { outlineOf, tfjsEngine } from '../tfjs-engine.ts';
import { apart, measured, noiseImages } from './compare-scores.ts';
import { exportLayers } from './index.ts';

/** How far scores may be apart, relative to the largest. */
export const CONVERSION_TOLERANCE = 1e-4;

const [IMAGES, ROUNDS] = [8, 3];

/** What has been written, and how it compares with TF.js. */
export interface Conversion {
  /** What is known of the model: a card of what its file tells where none was given. */
  readonly card: ModelCard;
  readonly megabytes: number;
  /** The comparison with TF.js, or why TF.js can't load the model that was written. */
  readonly compared: ConversionCheck | { readonly impossible: string };
}

export interface ConversionCheck {
  /** The largest difference of logits on random images, relative to the largest logit. */
  readonly difference: number;
  /** Milliseconds an image: on TF.js, and on ONNX Runtime. */
  readonly milliseconds: readonly [tfjs: number, onnx: number];
  /** What TF.js ran on. */
  readonly device: string;
}

export interface ConvertOptions {
  /** The model's card, where there is one. */
  readonly card?: ModelCard;
  /** Image size, where the model takes any and has no card. */
  readonly size?: readonly [number, number];
  readonly overwrite?: boolean;
}

/**
 * Writes a layers model as an .onnx file and compares the two on random images.
 * @param file model.json, or Keras's .h5 or .keras
 * @throws CtXaiError USAGE if `to` exists; MODEL, OPERATOR, CARD, IO
 */
export async function convertModel(file: string, to: string, options: ConvertOptions = {}): Promise<Conversion> {
  if (existsSync(to) && options.overwrite !== true) {
    throw new CtXaiError('USAGE', `${to} exists.`, { hint: 'Name another file, or say --force.' });
  }
  const files = await readModelFiles(file);
  const { output } = options.card ?? {};
  const size = options.card ? supportedCard(options.card).input.size : options.size;
  const graph = exportLayers(files, { ...(size ? { size } : {}), ...(output === undefined ? {} : { output }) });
  const [, rows, columns, channels] = graph.inputs[0]!.dims as [null, number, number, number];
  const units = graph.outputs[0]!.dims.slice(1).reduce<number>((a, d) => a * (d ?? 1), 1);
  const known = { size: [rows, columns] as const, channels, units, tail: outlineOf(files, output).tail !== undefined };
  const card = options.card ?? cardOf(file, known);
  const bytes = encodeModel(graph);
  try {
    writeFileSync(to, bytes);
  } catch (cause) {
    throw new CtXaiError('IO', `${to} can't be written.`, { cause });
  }
  const megabytes = bytes.byteLength / 1e6;
  const { output: _, ...rest } = card;
  const images = noiseImages(IMAGES, [rows, columns, channels], ['unit', 'grey', 'normal']);
  const native = await openNative(card);
  const onTfjs = 'impossible' in native ? native : await measured(native, images, ROUNDS);
  const exported = await onnxEngine.open({ ...rest, file: to, format: 'onnx' }, { device: 'cpu' });
  const onOnnx = await measured(exported, images, ROUNDS);
  if ('impossible' in onTfjs) return { card, megabytes, compared: onTfjs };
  return {
    card,
    megabytes,
    compared: {
      difference: apart(onTfjs.scores, onOnnx.scores),
      milliseconds: [onTfjs.milliseconds, onOnnx.milliseconds],
      device: onTfjs.device,
    },
  };
}

/** The model on TF.js, or why TF.js can't load it: the file itself is sound, for it has been exported. */
async function openNative(card: ModelCard): Promise<FullClassifier | { readonly impossible: string }> {
  try {
    return await tfjsEngine.open(card, { device: 'auto' });
  } catch (error) {
    if (!(error instanceof CtXaiError && error.code === 'MODEL')) throw error;
    // What follows is advice to do what is being done.
    return { impossible: error.message.split(' Try it as ONNX')[0]! };
  }
}

/** A card of what the file tells; the classes have no names. */
function cardOf(
  file: string,
  known: { size: readonly [number, number]; channels: number; units: number; tail: boolean },
): ModelCard {
  const { size, channels, units, tail } = known;
  if (channels !== 1 && channels !== 3) {
    throw new CtXaiError('MODEL', `${file}: it takes images of ${channels} channels; 1 or 3 are supported.`);
  }
  const classes = Array.from({ length: units }, (_, i) => `class-${i}`);
  return {
    id: 'model',
    file,
    origin: file,
    format: 'tfjs',
    task: units === 1 ? 'sigmoid' : 'softmax',
    emits: tail ? 'probabilities' : 'logits',
    explainAt: 'logits',
    classes: units === 1 ? ['negative', 'positive'] : classes,
    input: { size, channels, layout: 'NHWC' },
    intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
    resize: { antialias: true, fit: 'stretch' },
  };
}
