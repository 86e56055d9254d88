import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { builtinRegistry } from '../../builtin.ts';
import { readCard } from '../../config/card.ts';
import { companions } from '../../config/model-digest.ts';
import type {
  Capability,
  ChangesWorth,
  FullClassifier,
  LayerInfo,
  ModelCard,
  Runtime,
} from '../../core/contracts/index.ts';
import type { Registry } from '../../core/registry.ts';
import { sizeOf, type Tensor, tensor } from '../../core/tensor.ts';
import { openModel } from '../../jobs/open-model.ts';
import { parseDevice } from '../../runners/timing/devices.ts';
import { openDraft, scoresOf } from '../init/draft-card.ts';
import { outlineFile, weightsAt } from '../init/find-weights.ts';
import { numberClasses } from '../init/name-classes.ts';
import { cacheFolder } from '../shared/cache.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { ExitCode, print, textTable } from '../shared/output.ts';

export interface InspectArguments {
  readonly model: string;
  readonly device: string;
  readonly json: boolean;
}

/** What was measured on a model, as plain JSON. */
interface Inspection {
  readonly file: string;
  /** With the files beside it that hold its weights. */
  readonly megabytes: number;
  readonly input: ModelCard['input'];
  /** How size and channels were guessed, where neither the file nor a card tells them. */
  readonly guess?: string;
  readonly task: ModelCard['task'];
  readonly classes: readonly string[];
  /** The output, or the tensor inside the graph, that is read as scores, where the card names one. */
  readonly output?: string;
  readonly runtime: Runtime;
  readonly layers: readonly LayerInfo[];
  /** By explainer: why the model can't have it; null where it can. */
  readonly explainers: Readonly<Record<string, string | null>>;
  readonly passesPerSecond: number;
  /** What it is worth to compute only what changed, for windows of 16 pixels. */
  readonly changes?: ChangesWorth;
}

/** Images of the timed batch. */
const BATCH = 8;

/** Side of the windows that inspect tries, pixels: that of `occlusion` by default. */
const WINDOW = 16;

/** `ct-xai inspect`. */
export async function inspectModel(argv: InspectArguments): Promise<number> {
  const registry = builtinRegistry();
  const interrupts = interruptSignal();
  try {
    const { model, card, guess } = await opened(argv, registry, interrupts.signal);
    try {
      const found = { ...(await inspected(model, card, registry)), ...(guess === undefined ? {} : { guess }) };
      print(argv.json ? JSON.stringify(found, null, 2) : described(found));
    } finally {
      await model.close();
    }
  } finally {
    interrupts.release();
  }
  return ExitCode.ok;
}

/** The model under its card, or, of weights alone, under the first card that its outputs do not contradict. */
async function opened(
  { model: path, device }: InspectArguments,
  registry: Registry,
  signal: AbortSignal,
): Promise<{ model: FullClassifier; card: ModelCard; guess?: string }> {
  const cacheDir = cacheFolder();
  const given = resolve(path);
  const inFolder = join(given, 'model.yaml');
  const named = existsSync(given) && statSync(given).isDirectory() && existsSync(inFolder) ? inFolder : given;
  if (/\.ya?ml$/i.test(named)) {
    const card = await readCard(named);
    const planned = { id: card.id, card, digest: '', classOf: new Map<string, number>() };
    return {
      card,
      model: await openModel({ engine: parseDevice(device, 'auto'), registry }, planned, { signal, cacheDir }),
    };
  }
  const file = weightsAt(given);
  const outline = await outlineFile(file, registry);
  const { units, tail, output } = scoresOf(outline, 0, file);
  const { size, channels, layout, guess } = outline.input;
  const draft = {
    file,
    classes: numberClasses(units, []).classes,
    ...(output === undefined ? {} : { output }),
    input: { size, channels, layout },
    intensity: { unit: 'grey' },
  } as const;
  const { model, card } = await openDraft(
    draft,
    { units, tail, folder: dirname(file) },
    { registry, cacheDir, signal },
  );
  return { model, card, ...(guess === undefined ? {} : { guess }) };
}

async function inspected(model: FullClassifier, card: ModelCard, registry: Registry): Promise<Inspection> {
  const batch = { count: BATCH, write: (i: number, out: Float32Array) => void out.fill(0.1 * i) };
  const score = () => model.scores(batch, { as: 'logit' });
  await score();
  const start = performance.now();
  await score();
  const seconds = (performance.now() - start) / 1000;
  const layers = model.capabilities.has('layers') || model.capabilities.has('activations') ? await model.layers() : [];
  return {
    file: card.file,
    megabytes: Number(((await bytesOf(card)) / 1e6).toFixed(2)),
    input: card.input,
    task: card.task,
    classes: card.classes,
    ...(card.output === undefined ? {} : { output: card.output }),
    runtime: model.runtime,
    layers,
    explainers: explainersFor(model, registry),
    ...(model.changesWorth ? { changes: await model.changesWorth(WINDOW, variedImage(model)) } : {}),
    passesPerSecond: Number((BATCH / seconds).toPrecision(3)),
  };
}

/** Bytes of the file and of the files beside it that hold its weights. */
async function bytesOf(card: ModelCard): Promise<number> {
  const files = [card.file, ...(await companions(card))];
  return files.reduce((sum, path) => sum + statSync(path).size, 0);
}

/** Values from 0 to 1 that differ from pixel to pixel. */
function variedImage({ input: { spatial, channels } }: FullClassifier): Tensor {
  const shape = [...spatial, channels];
  return tensor(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => 0.5 + 0.5 * Math.sin(1.3 * i)),
  );
}

/** '1 value', '2 classes'. */
function outputsInWords({ task, classes: { length } }: Inspection): string {
  if (task === 'regression') return length === 1 ? '1 value' : `${length} values`;
  return `${length} classes`;
}

/** Whether windows are computed without the rest of the image, in words. */
function changesInWords(changes: ChangesWorth | undefined): string {
  if (changes === undefined) return 'whole images are computed';
  if ('reason' in changes) return `whole images are computed: ${changes.reason}`;
  return `of images that differ in windows of ${WINDOW} pixels only what changed is computed: ${changes.faster.toFixed(1)} times as fast`;
}

function explainersFor(model: FullClassifier, registry: Registry): Inspection['explainers'] {
  const { capabilities, runtime } = model;
  const needsLayer = new Set<Capability>(['layers', 'activations', 'continuation']);
  return Object.fromEntries(
    [...registry.explainers.values()].map(explainer => {
      const options = explainer.options.safeParse({});
      const inner = explainer.wraps === undefined ? undefined : registry.explainers.get(explainer.wraps);
      const wanted = [
        ...(options.success ? explainer.requiresOf(options.data) : []),
        ...(inner?.requiresOf(inner.options.parse({})) ?? []),
      ];
      const missing = wanted.find(name => !capabilities.has(name));
      if (missing) return [explainer.name, `${missing}: ${runtime.limitations?.[missing] ?? 'the engine has none.'}`];
      const noLayer = runtime.camLayer === undefined && wanted.some(name => needsLayer.has(name));
      if (noLayer) return [explainer.name, `no layer: ${runtime.noCamLayer ?? 'none has pixels.'}`];
      const rules = options.success ? explainer.rulesOf(options.data) : undefined;
      const refused = rules && model.whyNoRules?.(rules);
      return [explainer.name, refused === undefined ? null : `${RULES}${refused}`];
    }),
  );
}

function described(found: Inspection): string {
  const { runtime, input, layers, explainers } = found;
  const { measured } = runtime;
  const share = (v: number | undefined) =>
    v === undefined ? 'not measured' : v === 0 ? 'exactly' : v.toExponential(1);
  const ranked = layers.filter(l => l.rank !== undefined).sort((a, b) => a.rank! - b.rank!);
  const out = Object.entries(explainers).flatMap(([name, why]) => (why === null ? [] : [[name, why] as const]));
  const stay = Object.entries(explainers).flatMap(([name, why]) => (why === null ? name : []));
  const lines = [
    `file         ${found.file}, ${found.megabytes} MB`,
    `input        ${input.size.join(' × ')} × ${input.channels}, ${input.layout}`,
    ...(found.guess === undefined ? [] : [`a guess      ${found.guess}`]),
    `output       ${found.task}, ${outputsInWords(found)}: ${measured?.emits ?? 'not measured'}`,
    ...(found.output === undefined ? [] : [`read from    '${found.output}'`]),
    `runs on      ${runtime.engine} ${runtime.engineVersion}, ${runtime.device}, ${found.passesPerSecond} passes a second`,
    `windows      ${changesInWords(found.changes)}`,
    ...(runtime.note ? [`note         ${runtime.note}`] : []),
    `repeats      ${share(measured?.repeatError)}${measured && measured.repeatError > 0 ? ' of the largest score' : ''}`,
    `independent  ${share(measured?.batchError)}${measured && measured.batchError > 0 ? ' of the largest score between an image alone and among others' : ''}`,
    ...(measured?.warnings ?? []).map(warning => `warning      ${warning}`),
    '',
    ...(ranked.length > 0
      ? [
          'Layers for class activation maps, the best first:',
          textTable([['layer', 'operator', 'depth', 'shape', 'share'], ...ranked.map(row)]),
        ]
      : [`No layer for class activation maps: ${runtime.noCamLayer ?? 'none has pixels.'}`]),
    `${layers.length} layers in all, ${layers.filter(l => l.spatial).length} with pixels.`,
    '',
    ...Object.entries(runtime.operatorsWithoutRule ?? {}).map(withoutRule),
    ...Object.entries(runtime.limitations ?? {}).map(([what, why]) => `no ${what}: ${why}`),
    `explainers that this model can have: ${stay.join(', ')}`,
    ...[...lost(out)].map(([what, names]) => `those that it can't, for want of ${what}: ${names.join(', ')}`),
    ...[...refusedRules(out)].map(([why, names]) => `not ${names.join(', ')}: ${why}`),
  ];
  return lines.join('\n');
}

/** Nodes that are named. */
const MOST_NAMED = 3;

function withoutRule([operator, nodes]: [string, readonly string[]]): string {
  const named = nodes.slice(0, MOST_NAMED).map(node => `'${node}'`);
  const more = nodes.length > MOST_NAMED ? ', …' : '';
  return `no differentiation rule for ${operator}: ${nodes.length} node${nodes.length === 1 ? '' : 's'}, ${named.join(', ')}${more}`;
}

/** What stands before the reason where a network has no rules of the kind that an explainer takes. */
const RULES = 'rules: ';

/** Explainers by the ability that they lack. */
function lost(explainers: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> {
  const others = explainers.filter(([, why]) => !why.startsWith(RULES));
  return namesBy(others, why => why.slice(0, why.indexOf(':')).replace(/^no layer$/, 'a layer'));
}

/** Explainers by the reason for which the network has no such backward rules. */
function refusedRules(explainers: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> {
  const refused = explainers.filter(([, why]) => why.startsWith(RULES));
  return namesBy(refused, why => why.slice(RULES.length));
}

function namesBy(
  explainers: readonly (readonly [string, string])[],
  keyOf: (why: string) => string,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [name, why] of explainers) found.set(keyOf(why), [...(found.get(keyOf(why)) ?? []), name]);
  return found;
}

function row({ name, operator, depth = 0, shape, share }: LayerInfo): string[] {
  return [name, operator, depth.toFixed(2), shape.join('×'), share === undefined ? '' : share.toFixed(2)];
}
