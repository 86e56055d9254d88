import { availableParallelism } from 'node:os';
import { version_core } from '@tensorflow/tfjs-core';
import { parsing, parsingAsync } from '../../core/boundary.ts';
import type { Engine, FullClassifier, ModelCard, OpenOptions, Runtime } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { predictingBy } from '../../core/findings.ts';
import { sizeOf } from '../../core/tensor.ts';
import { checkTail, headOf } from '../onnx/load/tail.ts';
import { EngineClassifier } from '../shared/classifier.ts';
import { throwIfAborted } from '../shared/in-order.ts';
import { inTime, Stuck } from '../shared/in-time.ts';
import { type SupportedCard, supportedCard } from '../shared/supported-card.ts';
import { WorkerPool } from '../shared/worker-pool.ts';
import { workerUrl } from '../shared/worker-url.ts';
import { probeDevices } from './devices/probe-tfjs-devices.ts';
import {
  DEVICES,
  deviceNamed,
  isNative,
  readyCuda,
  requireInstalled,
  type TfjsDevice,
} from './devices/tfjs-devices.ts';
import { tracerOf } from './devices/tfjs-tracer.ts';
import { type ModelFiles, readModelFiles } from './keras/model-files.ts';
import { SUPPORTED } from './measure-outputs.ts';
import { withoutPixels } from './measure-pixels.ts';
import { measureScores } from './measure-scores.ts';
import type { Outline } from './network/outline.ts';
import { outlineGraph } from './network/outline-graph.ts';
import { outlineLayers } from './network/outline-layers.ts';
import { layerMap, leadingTo, type Shapes } from './network/tfjs-layers.ts';
import { tfjsAbilities } from './tfjs-abilities.ts';
import { TfjsExecutor } from './tfjs-executor.ts';
import type { Spec, TfjsProtocol } from './tfjs-messages.ts';
import { variantCard } from './tfjs-variant.ts';

/** Values of a micro-batch's images, about; small models gain by batches, large ones need their memory. */
const MICRO_BATCH_VALUES = 2 ** 17;

/** Seconds that loading a model may take: a topology that nobody foresaw may keep TF.js busy for ever. */
const LOADING_SECONDS = 300;

/** Models as TF.js has them, layers or graphs, on TF.js itself in worker threads. Nothing is converted. */
export const tfjsEngine: Engine = {
  name: 'tfjs',
  formats: ['tfjs'],
  devices: DEVICES.map(d => d.name),
  probe: () => probeDevices(open),
  open: (card, options) =>
    parsingAsync({ code: 'MODEL', what: `${card.file}: the model can't be opened` }, () => open(card, options)),
};

/** @throws CtXaiError MODEL, CARD, LAYER, DEVICE or ENGINE */
async function open(asked: ModelCard, options: OpenOptions): Promise<FullClassifier> {
  const variant = options.variant ?? { kind: 'original' };
  const outlined = async (file: string) => outlineOf(await readModelFiles(file), asked.output);
  const card = supportedCard(await variantCard(asked, variant, outlined));
  const wanted = options.device === 'auto' ? undefined : deviceNamed(options.device);
  const files = await readModelFiles(card.file);
  const outline = outlineOf(files, card.output);
  checkInput(outline, card);
  const candidates = wanted ? [wanted] : DEVICES;
  for (const device of candidates) {
    throwIfAborted(options.signal);
    try {
      requireInstalled(device);
      return await openOn(device, outline, card, options);
    } catch (error) {
      const last = device === candidates.at(-1);
      if (last || !(error instanceof CtXaiError) || error.code !== 'DEVICE') throw error;
    }
  }
  throw new CtXaiError('DEVICE', 'no device of TF.js works here.');
}

/** @throws CtXaiError MODEL */
export function outlineOf(files: ModelFiles, output: string | undefined): Outline {
  return parsing({ code: 'MODEL', what: `${files.file}: its topology can't be followed` }, () =>
    files.format === 'graph-model' ? outlineGraph(files, output) : outlineLayers(files, output),
  );
}

async function openOn(
  device: TfjsDevice,
  outline: Outline,
  card: SupportedCard,
  options: OpenOptions,
): Promise<FullClassifier> {
  const { size, channels } = card.input;
  const name = device.selector === undefined ? device.name : `${device.name}:${device.selector}`;
  const head = headOf(card, outline.tail);
  const cut = card.explainAt === 'logits' ? outline.logits : { output: outline.output, withoutActivation: false };
  const spec: Spec = {
    file: card.file,
    device: name,
    trace: options.trace === true,
    hardwareOnly: options.device === 'auto',
    ...(card.output === undefined ? {} : { chosen: card.output }),
    ...cut,
    head,
    layers: leadingTo(outline.steps, cut.output).flatMap(step => (step.operator === 'Input' ? [] : [step.name])),
  };
  const native = isNative(device);
  // A native back end spreads one pass over all cores itself, and a GPU has one queue.
  const alone = native || device.name === 'webgpu';
  const workers = alone ? 1 : (options.workers ?? Math.min(availableParallelism(), 4));
  const wished =
    outline.batch ??
    options.microBatch ??
    Math.max(1, Math.min(16, Math.floor(MICRO_BATCH_VALUES / sizeOf([...size, channels]))));
  const cuda = device.name === 'cuda' ? await readyCuda() : undefined;
  const pool = new WorkerPool<TfjsProtocol>(workers, workerUrl(import.meta.url, 'tfjs-worker'), 'TF.js');
  try {
    const waitFor = <T>(work: Promise<T>) =>
      inTime(work, `${card.file}: loading it in TF.js`, LOADING_SECONDS, options.signal);
    const [about] = await waitFor(pool.each('start', spec).catch(failedAs('DEVICE', device.hint)));
    await waitFor(pool.each('load', spec).catch(failedAs('MODEL')));
    throwIfAborted(options.signal);
    const { index, deviceName = cuda, clock } = about!;
    const shapes = await waitFor(shapesOf(pool, card, cut.output));
    checkScores(shapes[cut.output] ?? [], card, outline);
    const image = { height: size[0], width: size[1], channels, layout: 'NHWC' } as const;
    const together = new TfjsExecutor({ pool, head, image, microBatch: wished });
    const { measurements, mixes } = await measureScores(together, wished, card, outline);
    throwIfAborted(options.signal);
    const microBatch = mixes ? 1 : wished;
    const runner = new TfjsExecutor({ pool, head, image, microBatch });
    const asked = Object.fromEntries(Object.entries(shapes).filter(([name]) => name !== cut.output));
    const without = await withoutPixels(runner, { steps: outline.steps, shapes: asked }, card, options.signal);
    const layers = layerMap(outline, { shapes, withoutPixels: without }, cut.output, card.camLayer);
    const { capabilities, limitations } = await tfjsAbilities(runner, layers, options.signal);
    const runtime: Runtime = {
      engine: 'tfjs',
      engineVersion: version_core,
      device: device.selector === undefined || index === undefined ? name : `${device.name}:${index}`,
      ...(deviceName === undefined ? {} : { deviceName }),
      microBatch,
      workers,
      threads: native ? availableParallelism() : 1,
      ...(layers.cam ? { camLayer: layers.cam.name } : { noCamLayer: layers.noCam! }),
      limitations,
      measured: measurements,
    };
    const { id, classes } = card;
    const parts = { id, classes, runtime, runner, layers, capabilities };
    const model = new EngineClassifier({ ...parts, ...predictingBy(card) });
    return clock ? Object.assign(model, { tracer: tracerOf(pool) }) : model;
  } catch (error) {
    await (error instanceof Stuck ? pool.end() : pool.close());
    throw error;
  }
}

function failedAs(code: 'DEVICE' | 'MODEL', hint?: string): (error: unknown) => never {
  return error => {
    if (error instanceof CtXaiError && error.code !== 'ENGINE') throw error;
    throw new CtXaiError(code, messageOf(error), { cause: error, ...(hint === undefined ? {} : { hint }) });
  };
}

/**
 * The shapes of layers and scores, without the batch.
 * @param output the node with the scores
 * @throws CtXaiError MODEL where it has no row for each image
 */
async function shapesOf(pool: WorkerPool<TfjsProtocol>, card: ModelCard, output: string): Promise<Shapes> {
  const { size, channels } = card.input;
  const shape = [1, ...size, channels];
  const shapes = await pool
    .one('shapes', { images: { shape, data: new Float32Array(sizeOf(shape)) } })
    .catch(failedAs('MODEL', 'The size of the images may not be that of its training.'));
  const scores = shapes[output];
  if (scores && scores[0] !== 1) {
    const what = `'${output}' is [${scores.join(', ')}] for one image: its first axis does not count images.`;
    throw new CtXaiError('MODEL', `${card.file}: ${what}`, { hint: SUPPORTED });
  }
  return Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, dims.slice(1)]));
}

function checkInput({ inputShape }: Outline, { file, input }: ModelCard): void {
  const wanted = [...input.size, input.channels];
  const fits = wanted.every((d, i) => (inputShape[i] ?? d) === d);
  if (fits && input.layout === 'NHWC') return;
  const shown = (dims: readonly (number | null)[]) => `[${dims.map(d => d ?? '?').join(', ')}]`;
  throw new CtXaiError(
    'CARD',
    `${file}: the card says images of ${shown(wanted)}, ${input.layout}; the model takes ${shown(inputShape)}, NHWC.`,
    { hint: "Set the card's input: size, channels and layout to the model's." },
  );
}

function checkScores(shape: readonly number[], card: SupportedCard, outline: Outline): void {
  const units = sizeOf(shape);
  checkTail(card, outline.tail, units);
  const classes = card.task === 'sigmoid' ? 1 : card.classes.length;
  if (units === classes) return;
  throw new CtXaiError(
    'CARD',
    `${card.file}: the card has scores for ${classes} class${classes === 1 ? '' : 'es'}; the model gives [${shape}].`,
    { hint: "Make the card's classes (and task) those that the model was trained on." },
  );
}
