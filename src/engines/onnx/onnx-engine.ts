import { availableParallelism, freemem } from 'node:os';
import { env } from 'onnxruntime-node';
import { parsingAsync } from '../../core/boundary.ts';
import type { Engine, FullClassifier, ModelCard, OpenOptions, Runtime } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { predictingBy } from '../../core/findings.ts';
import { sizeOf } from '../../core/tensor.ts';
import { EngineClassifier } from '../shared/classifier.ts';
import { GPU_LOCK } from '../shared/gpu-lock.ts';
import { throwIfAborted } from '../shared/in-order.ts';
import type { LayerMap } from '../shared/layer-map.ts';
import { type SupportedCard, supportedCard } from '../shared/supported-card.ts';
import { operatorsWithoutRule } from './autodiff/index.ts';
import type { RememberedChanges } from './changes/changed-regions.ts';
import { DEVICES, type OnnxDevice, selectDevice } from './devices/onnx-devices.ts';
import { probeDevices } from './devices/probe-onnx-devices.ts';
import type { Graph } from './graph/graph.ts';
import { findLayers } from './layers/find-layers.ts';
import { layersOf } from './layers/layers-of.ts';
import { readModelFile, weightsDigest } from './load/file.ts';
import { type LoadedModel, loadModel } from './load/load-model.ts';
import { outlineOf } from './load/outline.ts';
import { atHead, type Headed } from './load/tail.ts';
import { untouched } from './load/untouched.ts';
import { onnxAbilities } from './onnx-abilities.ts';
import { Inspector } from './session/inspector.ts';
import { type MeasuredModel, measure, measureLarge, type OpenedGraph } from './session/measure.ts';
import { OnnxExecutor } from './session/onnx-executor.ts';
import { OnnxPool } from './session/onnx-pool.ts';
import { tracerOf } from './session/onnx-tracer.ts';
import type { ExecutorSettings, Prepared } from './session/program-sessions.ts';
import type { Program, ProgramKind } from './session/programs.ts';
import { type Division, divisions, tune, type Wishes } from './session/tune.ts';
import {
  measuringKey,
  recall,
  recallChanges,
  recallMeasured,
  recallOptimiser,
  remember,
  tuningKey,
} from './session/tuning-cache.ts';
import { type KnownScores, verified } from './session/verify.ts';
import { gradientsIndependent } from './session/verify-gradient.ts';
import { variantOf } from './variants/index.ts';

/** ONNX Runtime's version. */
export const ORT_VERSION: string = env.versions.node ?? env.versions.common;

/** Models as .onnx files, on ONNX Runtime in worker threads; gradients by graphs of ordinary ONNX operators. */
export const onnxEngine: Engine = {
  name: 'onnx',
  formats: ['onnx'],
  devices: DEVICES.map(d => d.name),
  probe: () => probeDevices(ORT_VERSION, openModel),
  open: (card, options) =>
    parsingAsync({ code: 'MODEL', what: `${card.file}: the model can't be opened` }, () => openModel(card, options)),
  outline: async file => outlineOf(readModelFile(file), file),
};

/**
 * Opens a model from its file, or from the graph that stands for it.
 * @param graphOf reads a file that is not ONNX as a graph
 * @throws CtXaiError MODEL, CARD, LAYER, DEVICE or ENGINE
 */
export async function openModel(
  asked: ModelCard,
  options: OpenOptions,
  graphOf?: (file: string) => Promise<Graph>,
): Promise<FullClassifier> {
  const opened = await openAs(asked, options, graphOf);
  return 'mixing' in opened ? ((await openAs(asked, options, graphOf, opened.mixing)) as FullClassifier) : opened;
}

/**
 * @param known what was measured of the model, where that is known
 * @returns `mixing`: what was measured, where images change each other's scores in batches as large as tuning chose. The
 * model is closed, to be opened so that it runs them one by one.
 */
async function openAs(
  asked: ModelCard,
  options: OpenOptions,
  graphOf: ((file: string) => Promise<Graph>) | undefined,
  known?: MeasuredModel,
): Promise<FullClassifier | { readonly mixing: MeasuredModel }> {
  const card = supportedCard(asked);
  const device = await selectDevice(options.device);
  throwIfAborted(options.signal);
  const { size, channels, layout } = card.input;
  const load = async (file: string) => {
    const hint = {
      ...{ file, size, channels, layout },
      classes: card.task === 'sigmoid' ? 1 : card.classes.length,
      ...(card.input.name === undefined ? {} : { input: card.input.name }),
      ...(card.output === undefined ? {} : { output: card.output }),
    };
    const straightThrough = card.quantisation === 'straight-through';
    return { ...(await loadModel(await graphOf?.(file), hint)), straightThrough };
  };
  const loaded = await load(card.file);
  const original = atHead(loaded, card);
  throwIfAborted(options.signal);

  const onGpu = device.provider !== 'cpu';
  const lock = device.provider === 'webgpu' ? GPU_LOCK : undefined;
  const pool = new OnnxPool(mostWorkers(original, device, options), lock);
  const inspector = onGpu ? new Inspector(pool, device) : undefined;
  try {
    const digest = graphOf ? undefined : await weightsDigest(card.file);
    const file = graphOf ? {} : { untouched: untouched(card.file, loaded) };
    const key =
      digest === undefined ? undefined : measuringKey({ digest, version: ORT_VERSION, card: aboutCard(card) });
    const folder = options.cacheDir;
    const remembered = key !== undefined && folder !== undefined ? { folder, key } : undefined;
    const scored = await measured({ headed: original, card, pool, ...file }, remembered, known);
    let { found } = scored;
    const { mixes } = found;
    throwIfAborted(options.signal);
    const findings = await findLayers(original.model, card, pool, { alone: mixes, remembered });
    const layers = layersOf(original.model, findings, card.camLayer);
    // What was measured and tuned on the original holds for its variants.
    const headed = await variantOf(original, options.variant ?? { kind: 'original' }, {
      ...{ card, pool, images: options.variantImages?.map(image => image.data) },
      load: async other => atHead(await load(other), { ...card, file: other }).model,
    });
    throwIfAborted(options.signal);
    const alone = mixes ? { ...options, microBatch: 1 } : options;
    const prepare = preparer(headed, card, device, alone, { pool, digest, inspector, first: scored.first });
    const image = { height: size[0], width: size[1], channels, layout };
    const { capabilities, limitations, attention } = onnxAbilities(headed, layers, findings.grids);
    const executor = await OnnxExecutor.open({
      ...headed,
      image,
      pool,
      grids: findings.grids,
      prepare,
      attention,
      changes: mixes
        ? { reason: 'images of one batch change each other' }
        : options.trace
          ? { reason: 'the time on the device is being measured' }
          : rememberedChanges(headed, device, alone, digest),
    });
    throwIfAborted(options.signal);
    const settings = await executor.settings();
    if (!mixes && original.model.dynamicBatch && settings.microBatch > found.together) {
      found = await measureLarge(found, executor, { headed: original, card }, settings.microBatch);
      if (remembered) remember(remembered.folder, remembered.key, found);
      if (found.mixes) {
        await pool.close();
        return { mixing: found };
      }
    }
    const runtime: Runtime = {
      engine: 'onnx',
      engineVersion: ORT_VERSION,
      device: device.name,
      ...(device.deviceName === undefined ? {} : { deviceName: device.deviceName }),
      ...settings,
      ...camLayers(layers),
      ...remarks(fixedBatch(original.model), unusedInputs(loaded.unused), flattening(loaded, card.input)),
      limitations,
      ...(limitations.gradients === undefined ? {} : withoutRule(headed)),
      measured: found.measurements,
    };
    const tracer = options.trace && inspector?.clocked ? tracerOf(device, executor, pool) : undefined;
    const placements = inspector ? async () => inspector.placements : undefined;
    const { id, classes } = card;
    return new EngineClassifier({
      ...predictingBy(card),
      ...{ id, classes, runtime, layers, capabilities, tracer, placements },
      runner: executor,
    });
  } catch (error) {
    await pool.close();
    throw onGpu ? refused(device, error) : error;
  }
}

/** What is kept, from one opening to the next, of computing only what changed. */
function rememberedChanges(
  { model }: Headed,
  device: OnnxDevice,
  { microBatch, workers, threads, cacheDir }: OpenOptions,
  digest: string | undefined,
): RememberedChanges {
  const folder = digest === undefined ? undefined : cacheDir;
  const key = (side: number) =>
    tuningKey({
      ...{ digest, kind: `changes of ${side} px`, device: device.name, version: ORT_VERSION },
      ...{ wishes: { microBatch, workers, threads }, size: model.graph.inputs[0]!.dims },
    });
  return {
    recall: side => recallChanges(folder, key(side)),
    remember: (side, worth) => remember(folder, key(side), worth),
  };
}

/** Of a model without gradients: all operators that stand in their way. */
function withoutRule({ model }: Headed): Pick<Runtime, 'operatorsWithoutRule'> {
  const found = operatorsWithoutRule(model);
  return Object.keys(found).length === 0 ? {} : { operatorsWithoutRule: found };
}

/** A batch of several images that is written into the file, in words. */
function fixedBatch({ dynamicBatch, graph }: Headed['model']): string | undefined {
  const batch = dynamicBatch ? 1 : graph.inputs[0]!.dims[0]!;
  if (batch === 1) return undefined;
  return `the file has a batch of ${batch} written into it: images are run ${batch} at a time`;
}

function unusedInputs(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const list = names.map(name => `'${name}'`).join(', ');
  return names.length === 1
    ? `the scores do not depend on the file's input ${list}, which is left aside`
    : `the scores do not depend on the file's inputs ${list}, which are left aside`;
}

/** That images are flattened, and of several channels in which order: no file tells it, and a wrong one gives other scores. */
function flattening(
  { flattens, graph, input }: LoadedModel,
  { channels, layout }: ModelCard['input'],
): string | undefined {
  if (!flattens) return undefined;
  const values = sizeOf(graph.inputs[0]!.dims.slice(1) as number[]);
  const order =
    layout === 'NCHW'
      ? 'channel by channel (layout: NCHW)'
      : 'row by row, with the channels of each pixel together (layout: NHWC)';
  const told = channels === 1 ? '' : `, ${order}, as the card says or by default; the file does not tell the order`;
  return `the file's input '${input}' takes rows of ${values} values: images are flattened for it${told}`;
}

function remarks(...notes: readonly (string | undefined)[]): Pick<Runtime, 'note'> {
  const said = notes.filter(note => note !== undefined);
  return said.length === 0 ? {} : { note: said.join('; ') };
}

/** The layer of class activation maps and what else there is; or why there is none. */
function camLayers({ cam, noCam, layers }: LayerMap): Pick<Runtime, 'camLayer' | 'otherCamLayers' | 'noCamLayer'> {
  if (!cam) return noCam === undefined ? {} : { noCamLayer: noCam };
  const ranked = layers.filter(layer => layer.rank !== undefined && layer !== cam);
  const others = ranked.sort((a, b) => a.rank! - b.rank!).map(layer => layer.name);
  return { camLayer: cam.name, ...(others.length > 0 ? { otherCamLayers: others } : {}) };
}

/** What a card says of scores and pixels. */
function aboutCard({ task, emits, explainAt, classes, input, output, intensity }: SupportedCard): unknown {
  return { task, emits, explainAt, classes: classes.length, input, output, steps: intensity.steps };
}

/** What was measured on the model before, or is now. */
async function measured(
  subject: OpenedGraph,
  remembered: { readonly folder: string; readonly key: string } | undefined,
  given: MeasuredModel | undefined,
): Promise<{ readonly found: MeasuredModel; readonly first?: KnownScores }> {
  const { folder, key = '' } = remembered ?? {};
  const known = given ?? recallMeasured(folder, key);
  if (known) return { found: known };
  const made = await measure(subject);
  remember(folder, key, made.found);
  return made;
}

function refused(device: OnnxDevice, error: unknown): unknown {
  if (!(error instanceof CtXaiError) || error.code !== 'ENGINE') return error;
  const none = error.message.includes('Failed to get a WebGPU adapter');
  const why = none ? 'ONNX Runtime finds no GPU for it.' : `it can't run this model: ${messageOf(error)}`;
  return new CtXaiError('DEVICE', `device '${device.name}': ${why}`, {
    hint: device.hint,
    cause: error,
  });
}

function mostWorkers(headed: Headed, device: OnnxDevice, options: OpenOptions): number {
  return Math.max(...candidatesFor(headed, device, options).map(d => d.workers));
}

function candidatesFor({ model }: Headed, device: OnnxDevice, wishes: Wishes): readonly Division[] {
  // A GPU has one queue: more workers would only hold more copies of the weights.
  if (device.provider !== 'cpu') return [{ workers: 1, threads: wishes.threads ?? 1 }];
  const weights = [...model.graph.constants.values()].reduce((sum, c) => sum + c.data.byteLength, 0);
  return divisions(availableParallelism(), wishes, weights, freemem());
}

interface PreparedWith {
  readonly pool: OnnxPool;
  readonly digest: string | undefined;
  readonly inspector: Inspector | undefined;
  /** Of the original model, where it was measured just now. */
  readonly first: KnownScores | undefined;
}

/** Opens programs with settings that were given, remembered, found for the forward graph, or found by a sweep. */
function preparer(
  headed: Headed,
  card: SupportedCard,
  device: OnnxDevice,
  options: OpenOptions,
  { pool, digest, inspector, first }: PreparedWith,
): (program: Program, kind: ProgramKind, graph: string) => Promise<Prepared> {
  const { model } = headed;
  const { microBatch, workers, threads, cacheDir } = options;
  const wishes: Wishes = { microBatch, workers, threads };
  const fixed = model.dynamicBatch ? microBatch : model.graph.inputs[0]!.dims[0]!;
  // A variant has other constants, which may be folded in another way.
  const unchanged = (options.variant?.kind ?? 'original') === 'original';
  const folder = digest === undefined ? undefined : cacheDir;
  const profile = inspector !== undefined && options.trace === true;
  const onCpu = { provider: { name: 'cpu' }, optimise: true };
  let forward: ExecutorSettings | undefined;
  let forwardSession = '';
  let optimise = true;
  let opened = 0;
  return async (program, kind, graph) => {
    const found = (await inspector?.inspect(graph, program)) ?? onCpu;
    const base = { executionProviders: [found.provider], profile };
    const key = tuningKey({
      digest,
      kind,
      device: device.name,
      version: ORT_VERSION,
      size: model.graph.inputs[0]!.dims,
      wishes,
    });
    const own = kind === 'forward' || kind === 'gradient';
    const known = own ? recall(folder, key) : forward;
    // The threads are there by then, so a gradient graph differs in the micro-batch only.
    const shares = known ?? forward;
    const candidates = shares ? [shares] : candidatesFor(headed, device, wishes);
    const open = () =>
      tune(
        pool,
        `${kind} ${opened++}`,
        program,
        { ...base, optimise: optimise && found.optimise },
        candidates,
        known?.microBatch ?? fixed,
      );
    const judged = kind === 'forward' && !inspector;
    const verdict = judged && unchanged ? recallOptimiser(folder, `${key} optimiser`) : undefined;
    if (verdict?.exact === false) optimise = false;
    let prepared = await open();
    if (judged && verdict === undefined) {
      const exact = await verified(pool, program, prepared, base, unchanged ? first : undefined);
      if (unchanged) remember(folder, `${key} optimiser`, { exact });
      if (!exact) {
        await pool.drop(prepared.session);
        optimise = false;
        prepared = await open();
      }
    }
    if (kind === 'forward') {
      forward = prepared.settings;
      forwardSession = prepared.session;
    }
    if (kind === 'gradient' || kind === 'layer') {
      const output = model.output;
      const check = { pool, model, card, program, prepared, forward: { session: forwardSession, output } };
      if (!(await gradientsIndependent(check)))
        prepared = { ...prepared, settings: { ...prepared.settings, microBatch: 1 } };
    }
    if (!known) remember(folder, key, prepared.settings);
    return prepared;
  };
}
