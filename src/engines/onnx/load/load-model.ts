import { Tensor } from 'onnxruntime-node';
import { CtXaiError } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { imageDims } from '../../shared/images.ts';
import { encodeByReference } from '../graph/by-reference.ts';
import {
  type Constant,
  DType,
  type Graph,
  isInner,
  type Node,
  read,
  type TensorInfo,
  type ValueInfo,
} from '../graph/graph.ts';
import { renamed } from '../graph/rename.ts';
import { builderFor, collectNames, producers, pruned } from '../graph/walk.ts';
import { createSession } from '../session/session-options.ts';
import { withoutBranches } from './branches.ts';
import { type Cleaned, clean } from './clean.ts';
import { readModelFile } from './file.ts';
import { checkRows, flatteningFirst, notOfRows, takesRows } from './flattened.ts';
import { onlyInput, requireImages } from './image-axes.ts';
import { withoutLoops } from './loops.ts';
import { kindOf, noOutput, noScores } from './no-scores.ts';
import { withOpenBatch } from './open-batch.ts';
import { withoutOptionals } from './optionals.ts';
import { inFloat32 } from './precision.ts';
import { probe } from './probe-shapes.ts';
import { withoutSequences } from './sequences.ts';
import { PASSING, TAILS } from './tail.ts';
import { upgrade } from './upgrade/index.ts';

/** A classifier's graph with its image size fixed: one opset, shapes known, everything constant folded away. */
export interface NormalisedModel {
  readonly graph: Graph;
  /** Type and dims of every tensor of the graph: inputs, constants and node outputs. */
  readonly infos: ReadonlyMap<string, TensorInfo>;
  /** Tensors that depend neither on the image nor on the batch, constants among them. */
  readonly values: ReadonlyMap<string, Constant>;
  /** The image tensor's name. */
  readonly input: string;
  /** The scores tensor's name, [n, k]. */
  readonly output: string;
  /** Whether dimension 0 of the input may be any batch size; otherwise it is the input's dims[0]. */
  readonly dynamicBatch: boolean;
  /** Tensors of the file that were taken out because another one, the value here, is the same. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Whether gradients pass quantisation as if it were not there. Default: no. */
  readonly straightThrough?: boolean;
  /** Names of the file that look as if this program had made them up. */
  readonly ownNames?: ReadonlySet<string>;
}

/** Whether this program made up a tensor's name, so that a reader finds it nowhere in the file. */
export function madeUp(model: NormalisedModel, name: string): boolean {
  return isInner(name) && !model.ownNames?.has(name);
}

export interface LoadedModel extends NormalisedModel {
  /** What the file calls the scores. */
  readonly fileOutput: string;
  /** Inputs of the file that the scores do not depend on. */
  readonly unused: readonly string[];
  /** Whether the file's input is [n, values], so that the graph flattens images first. */
  readonly flattens: boolean;
}

/** What a model card says of the file. */
export interface InputHint {
  readonly file: string;
  readonly size: readonly [number, number];
  readonly channels: number;
  readonly layout: 'NCHW' | 'NHWC';
  readonly classes: number;
  readonly input?: string;
  readonly output?: string;
}

/**
 * Loads an .onnx file (or a graph) as a classifier of images of a fixed size.
 * @throws CtXaiError MODEL if it can't be loaded or run, CARD if the card says other than the file.
 */
export async function loadModel(source: Graph | undefined, hint: InputHint): Promise<LoadedModel> {
  const read = source ?? readModelFile(hint.file);
  const given = hint.output === undefined ? read : withInnerOutput(read, hint.output);
  const raw = withoutOptionals(inFloat32(upgrade(given, hint.file)));
  const output = scoresOutput(raw, given, hint);
  const declared = imageInput(raw, output.name, hint);
  const input = filledIn(declared, hint);
  const flattens = takesRows(input);
  const file = withRows({ ...raw, inputs: [input], outputs: [output] }, hint);
  const start = pruned(flattens ? flatteningFirst(file, imageDims(hint)) : file, [output.name]);
  const cleaned = await settled(start, hint.file)
    .catch(error => settledAtTraced(start, hint.file, error))
    .catch(error => {
      throw flattens ? notOfRows(declared, error, hint) : error;
    });
  const model = normalised(cleaned);
  checkOutput(model, hint);
  checkInference(model, hint.file);
  checkOrder(model, hint);
  const open = model.dynamicBatch || model.graph.inputs[0]!.dims[0] !== 1;
  const best = open ? model : ((await opened(cleaned, model, hint.file)) ?? model);
  const names = new Set<string>();
  collectNames(read, names);
  const unused = raw.inputs.map(i => i.name).filter(name => name !== input.name);
  return { ...best, fileOutput: output.name, unused, flattens, ownNames: new Set([...names].filter(isInner)) };
}

/** The graph that also gives out a tensor of its inside, where `name` is one. */
export function withInnerOutput(graph: Graph, name: string): Graph {
  if (graph.outputs.some(o => o.name === name) || !graph.nodes.some(n => n.outputs.includes(name))) return graph;
  return { ...graph, outputs: [...graph.outputs, { name, dtype: DType.float, dims: [] }] };
}

/** Probes and cleans, once more for every layer of branches and loops that turned out constant, or of sequences. */
async function settled(graph: Graph, file: string): Promise<Cleaned> {
  const findings = await probe(graph, file);
  const straight =
    withoutBranches(graph, findings.values) ??
    (await withoutLoops(graph, findings)) ??
    withoutSequences(graph, findings);
  if (straight) return settled(straight, file);
  return clean(graph, findings);
}

/** Batches that exports are traced with. */
const TRACED = [1, 2, 4, 8, 16, 32];

/** Some exports declare any batch, but have the one they were traced with written into a Reshape. */
async function settledAtTraced(graph: Graph, file: string, error: unknown): Promise<Cleaned> {
  const input = graph.inputs[0]!;
  if (input.dims[0] !== null) throw error;
  for (const batch of TRACED) {
    const fixed = { ...graph, inputs: [{ ...input, dims: [batch, ...input.dims.slice(1)] }] };
    try {
      return await settled(fixed, file);
    } catch (other) {
      if (!(other instanceof CtXaiError)) throw other;
    }
  }
  throw error;
}

function normalised(cleaned: Cleaned): NormalisedModel {
  const { graph, infos, aliases } = cleaned;
  const [input, output] = [graph.inputs[0]!, graph.outputs[0]!];
  const known = infos.get(output.name)!;
  return {
    graph: { ...graph, outputs: [{ name: output.name, ...known }] },
    infos,
    values: graph.constants,
    input: input.name,
    output: output.name,
    dynamicBatch: input.dims[0] === null,
    aliases,
  };
}

/** The model for any batch, where one with a fixed batch can be made so; its scores are compared before it is used. */
async function opened(cleaned: Cleaned, fixed: NormalisedModel, file: string): Promise<NormalisedModel | undefined> {
  try {
    const open = await settled(withOpenBatch(cleaned.graph, cleaned.infos), file);
    const model = normalised({ ...open, aliases: new Map([...cleaned.aliases, ...open.aliases]) });
    return (await sameScores(fixed, model)) ? model : undefined;
  } catch (error) {
    if (error instanceof CtXaiError) return undefined;
    throw error;
  }
}

/** Whether three images scored together get what each gets by itself. */
async function sameScores(fixed: NormalisedModel, open: NormalisedModel): Promise<boolean> {
  const dims = fixed.graph.inputs[0]!.dims.slice(1) as number[];
  const size = sizeOf(dims);
  const images = Float32Array.from({ length: 3 * size }, (_, i) => Math.sin(i * 1.3) + Math.cos(i * 0.01));
  const together = await run(open, images, [3, ...dims]);
  const k = together.length / 3;
  for (let i = 0; i < 3; i++) {
    const alone = await run(fixed, images.slice(i * size, (i + 1) * size), [1, ...dims]);
    const scale = Math.max(1e-3, ...alone.map(Math.abs));
    if (alone.length !== k || alone.some((v, j) => !(Math.abs(v - together[i * k + j]!) <= 1e-4 * scale))) return false;
  }
  return true;
}

async function run(model: NormalisedModel, data: Float32Array, dims: number[]): Promise<Float32Array> {
  const session = await createSession(encodeByReference(model.graph), { logSeverityLevel: 4 });
  try {
    const results = await session.run({ [model.input]: new Tensor('float32', data, dims) });
    return Float32Array.from(results[model.output]!.data as Float32Array);
  } finally {
    await session.release();
  }
}

const list = (names: readonly string[]) => names.map(n => `'${n}'`).join(', ');

function shown(dims: readonly (number | null)[]): string {
  return `[${dims.map(d => d ?? '?').join(', ')}]`;
}

/** The image input, as the file declares it. */
function imageInput(graph: Graph, output: string, hint: InputHint): ValueInfo {
  const names = graph.inputs.map(i => i.name);
  if (hint.input !== undefined && !names.includes(hint.input)) {
    throw new CtXaiError(
      'CARD',
      `${hint.file}: the card's input '${hint.input}' is not in the file, which has ${list(names)}.`,
    );
  }
  const chosen = onlyInput(graph, hint.file, [output]);
  if (hint.input !== undefined && hint.input !== chosen.name) {
    throw new CtXaiError(
      'CARD',
      `${hint.file}: the scores do not depend on the card's input '${hint.input}', but on '${chosen.name}'.`,
      { hint: "Name that one in the card's input, or none." },
    );
  }
  if (chosen.dims.length !== 0) requireImages(chosen, hint.file);
  return chosen;
}

/** The image input with the card's size. @throws CtXaiError CARD where it is not the file's */
function filledIn(chosen: ValueInfo, hint: InputHint): ValueInfo {
  const [h, w] = hint.size;
  const wanted = imageDims(hint);
  if (takesRows(chosen)) {
    checkRows(chosen, hint);
    return { ...chosen, dims: [chosen.dims[0]!, sizeOf(wanted)] };
  }
  const dims = chosen.dims.length === 0 ? [null, ...wanted] : chosen.dims;
  const fits = wanted.every((d, i) => (dims[i + 1] ?? d) === d);
  if (!fits) {
    const card = `${hint.channels} channel${hint.channels === 1 ? '' : 's'} of ${h} × ${w}, ${hint.layout}: [?, ${wanted.join(', ')}]`;
    throw new CtXaiError(
      'CARD',
      `${hint.file}: the card says images of ${card}; the file's input '${chosen.name}' is ${shown(chosen.dims)}.`,
      { hint: "Set the card's input: size, channels and layout to the file's." },
    );
  }
  return { ...chosen, dims: [dims[0] ?? null, ...wanted] };
}

/**
 * The output named by the card, the only one, or the only one with as many scores as there are classes.
 * @param given the graph as the file has it, to name its tensors
 */
function scoresOutput(graph: Graph, given: Graph, hint: InputHint): ValueInfo {
  const names = graph.outputs.map(o => o.name);
  if (hint.output !== undefined) {
    const named = graph.outputs.find(o => o.name === hint.output);
    if (!named) {
      throw new CtXaiError(
        'CARD',
        `${hint.file}: the card's output '${hint.output}' is not in the file, which has ${list(names)}.`,
        { hint: 'It may be an output of the file, or any tensor inside the graph.' },
      );
    }
    if (named.dtype !== DType.float && named.dtype !== 0)
      throw noScores(given, hint.file, `its output '${named.name}' ${kindOf(named)}`);
    return named;
  }
  // A type of 0: the file does not say.
  const scores = graph.outputs.filter(o => o.dtype === DType.float || o.dtype === 0);
  if (scores.length === 0) throw noOutput(given, hint.file);
  if (scores.length === 1) return scores[0]!;
  const fitting = scores.filter(o => o.dims.length === 2 && o.dims[1] === hint.classes);
  if (fitting.length === 1) return fitting[0]!;
  throw new CtXaiError('CARD', `${hint.file}: it has ${names.length} outputs: ${list(names)}.`, {
    hint: "Name the one with the scores in the card, 'output: …'.",
  });
}

/** The scores of a file for one image may lack the axis that counts images, after PyTorch's `squeeze()`: it is put back. */
function withRows(graph: Graph, { classes }: InputHint): Graph {
  const [input, output] = [graph.inputs[0]!, graph.outputs[0]!];
  const { name, dims, unshaped } = output;
  const lacks = dims.length === 0 ? !unshaped : dims.length === 1 && dims[0] === classes && classes > 1;
  if (input.dims[0] !== 1 || !lacks) return graph;
  const builder = builderFor(graph);
  const flat = `${name} as the file has it`;
  const to = new Map([[name, flat]]);
  const file = renamed({ ...graph, outputs: [] }, to);
  const nodes = [
    ...file.nodes,
    {
      op: 'Reshape',
      domain: '',
      name: `${name} of one image`,
      inputs: [flat, builder.ints([1, classes])],
      outputs: [name],
      attrs: {},
    },
  ];
  const constants = new Map([...file.constants, ...builder.constants]);
  return { ...file, nodes, constants, outputs: [{ ...output, dims: [1, classes] }] };
}

/** Scores that TopK puts into their order are no scores of classes: the first is the greatest, whosever it is. */
function checkOrder(model: NormalisedModel, { file, classes }: InputHint): void {
  const made = producers(model.graph);
  let node = made.get(model.output);
  while (node && (PASSING.has(node.op) || TAILS.has(node.op)) && node.domain === '') node = made.get(node.inputs[0]!);
  if (node?.op === 'ReduceMax' && node.domain === '' && classes === 1) checkGreatest(node, model, file);
  if (node?.op !== 'TopK' || node.domain !== '' || classes < 2) return;
  const dims = model.infos.get(node.outputs[0]!)!.dims;
  const axis = read.int(node, 'axis', -1);
  if (
    dims.at(axis) !== classes ||
    dims.slice(1).some((d, i) => d !== 1 && i + 1 !== (axis < 0 ? axis + dims.length : axis))
  )
    return;
  throw new CtXaiError(
    'CARD',
    `${file}: node '${node.name}' (TopK) sorts the scores, so that the first is not the score of the first class.`,
    { hint: `Name the tensor before it in the card: 'output: ${node.inputs[0]}'.` },
  );
}

/** The greatest probability of a softmax is that of another class in each image. */
function checkGreatest(node: Node, model: NormalisedModel, file: string): void {
  const from = node.inputs[0]!;
  const softmax = producers(model.graph).get(from);
  if (softmax?.op !== 'Softmax' || softmax.domain !== '') return;
  const { dims } = model.infos.get(from)!;
  const axis = read.int(softmax, 'axis', -1);
  const over = axis < 0 ? axis + dims.length : axis;
  if (dims.some((d, i) => i > 0 && i !== over && d !== 1)) return;
  throw new CtXaiError(
    'CARD',
    `${file}: node '${node.name}' (ReduceMax) gives the greatest probability, whosever class it is.`,
    { hint: `Name the tensor with those of all classes in the card: 'output: ${from}'.` },
  );
}

/** Images must not change each other's scores. */
function checkInference({ graph }: NormalisedModel, file: string): void {
  const node = graph.nodes.find(n => n.op === 'BatchNormalization' && read.int(n, 'training_mode', 0) !== 0);
  if (!node) return;
  throw new CtXaiError(
    'MODEL',
    `${file}: node '${node.name}' (BatchNormalization) normalises by the batch (training_mode), so that an image's ` +
      'scores would depend on the others.',
    { hint: 'Export the model for inference (PyTorch: model.eval(); training=TrainingMode.EVAL).' },
  );
}

function checkOutput(model: NormalisedModel, hint: InputHint): void {
  const info = model.infos.get(model.output);
  if (!info) throw noScores(model.graph, hint.file, `its output '${model.output}' is no tensor`);
  const { dims, dtype } = info;
  if (dims.slice(1).includes(0)) {
    throw new CtXaiError('MODEL', `${hint.file}: its output '${model.output}' is ${shown(dims)}: it holds no values.`, {
      hint: 'Export the network again, or name another tensor of its inside in the card, output: ….',
    });
  }
  if (model.dynamicBatch !== (dims[0] === null)) {
    throw new CtXaiError('MODEL', `${hint.file}: output '${model.output}', ${shown(dims)}, has no scores per image.`, {
      hint:
        'Multiple-instance networks give one row of scores for a batch of slices or tiles. Export it so that the ' +
        'slices are channels of one image.',
    });
  }
  const scores = dims.slice(1).reduce<number>((a, d) => a * (d ?? Number.NaN), 1);
  if (dtype === DType.float && scores === hint.classes) return;
  throw new CtXaiError(
    'CARD',
    `${hint.file}: the card has scores for ${hint.classes} class${hint.classes === 1 ? '' : 'es'}; ` +
      `the file's output '${model.output}' is ${shown(dims)}.`,
    { hint: "Make the card's classes (and task) those that the model was trained on." },
  );
}
