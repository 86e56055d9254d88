import type { ModelCard } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import type { Head } from '../../shared/scores.ts';
import { type Graph, type Node, read } from '../graph/graph.ts';
import { builderFor, producers, pruned } from '../graph/walk.ts';
import type { NormalisedModel } from './load-model.ts';

/** What a card says of a model's end. */
export interface TailHint {
  /** How messages call the model. */
  readonly file: string;
  readonly task: ModelCard['task'];
  readonly emits: 'logits' | 'probabilities';
  readonly explainAt: 'logits' | 'output';
}

export interface Headed {
  /** The model with output [n, k]: k classes, or one sigmoid unit. */
  readonly model: NormalisedModel;
  readonly head: Head;
  /** The softmax, log-softmax or sigmoid at the file's end. */
  readonly tail?: Tail | undefined;
}

/** A softmax or sigmoid at a model's end: `op` is Softmax, LogSoftmax or Sigmoid. */
export type Tail = Pick<Node, 'op' | 'name'>;

/** Operators that turn logits into probabilities. */
export const TAILS: ReadonlySet<string> = new Set(['Softmax', 'LogSoftmax', 'Sigmoid']);

/** Operators between a tail and the output that leave the values alone. */
export const PASSING: ReadonlySet<string> = new Set(['Identity', 'Squeeze', 'Unsqueeze', 'Reshape', 'Flatten', 'Cast']);

/**
 * The model with its softmax or sigmoid tail cut off (`explainAt: 'logits'`), or kept (`'output'`), and its scores as
 * [n, k]. A LogSoftmax that is kept counts as logits: its softmax is the same.
 * @throws CtXaiError CARD where tail and card contradict each other.
 */
export function atHead(model: NormalisedModel, hint: TailHint): Headed {
  const tail = findTail(model);
  const units = (model.infos.get(model.output)!.dims.slice(1) as number[]).reduce((a, b) => a * b, 1);
  checkTail(hint, tail, units);
  if (hint.explainAt === 'output') {
    return { model: flat(model, units), head: headOf(hint, tail), tail };
  }
  return { model: flat(tail ? cut(model, tail) : model, units), head: headOf(hint, tail), tail };
}

function findTail(model: NormalisedModel): Node | undefined {
  const made = producers(model.graph);
  let node = made.get(model.output);
  while (node && PASSING.has(node.op) && node.domain === '') node = made.get(node.inputs[0]!);
  if (!node || !TAILS.has(node.op) || node.domain !== '') return undefined;
  if (node.op === 'Sigmoid') return node;
  // One of attention's, or over pixels, is no tail.
  const dims = model.infos.get(node.outputs[0]!)!.dims;
  const axis = read.int(node, 'axis', -1);
  const over = axis < 0 ? axis + dims.length : axis;
  return dims.every((d, i) => i === over || i === 0 || d === 1) ? node : undefined;
}

/** What the scores mean: logits, unless the tail is to be kept. */
export function headOf({ task, emits, explainAt }: TailHint, tail: Tail | undefined): Head {
  if (task === 'regression') return { task, values: 'logits' };
  const bounded = emits === 'probabilities' || tail !== undefined;
  const kept = explainAt === 'output' && bounded && tail?.op !== 'LogSoftmax';
  return { task, values: kept ? 'probabilities' : 'logits' };
}

/** @throws CtXaiError CARD where tail and card contradict each other. */
export function checkTail(hint: TailHint, tail: Tail | undefined, units: number): void {
  const { file, task, emits } = hint;
  const fail = (what: string, advice: string): never => {
    throw new CtXaiError('CARD', `${file}: ${what}`, { hint: advice });
  };
  if (tail?.op === 'Sigmoid' && task === 'softmax') {
    const scores = units === 1 ? 'one score' : `${units} scores that do not exclude each other`;
    const advice = units === 1 ? 'Set task: sigmoid in the card.' : "Set 'task: multi-label' in the card.";
    fail(`the card says task 'softmax', but the file ends in a Sigmoid over ${scores} (node '${tail.name}').`, advice);
  }
  if (tail && tail.op !== 'Sigmoid' && task !== 'softmax') {
    fail(
      `the card says task '${task}', but the file ends in a ${tail.op} (node '${tail.name}').`,
      'Set task: softmax.',
    );
  }
  if (!tail && emits === 'probabilities' && hint.explainAt === 'logits') {
    fail(
      `the card says it emits probabilities, but no Softmax or Sigmoid was found at its end, so logits can't be had.`,
      "Set 'emits: logits' if that is what it emits, or 'explainAt: output' to explain the probabilities themselves.",
    );
  }
}

/** The model without the tail: whatever read its output reads its input. */
function cut(model: NormalisedModel, tail: Node): NormalisedModel {
  const [from, to] = [tail.outputs[0]!, tail.inputs[0]!];
  const swap = (name: string) => (name === from ? to : name);
  const nodes = model.graph.nodes.filter(n => n !== tail).map(n => ({ ...n, inputs: n.inputs.map(swap) }));
  return withOutput(model, { ...model.graph, nodes }, swap(model.output));
}

/** The model with scores [n, k]. */
function flat(model: NormalisedModel, units: number): NormalisedModel {
  const { dims, dtype } = model.infos.get(model.output)!;
  if (dims.length === 2) return model;
  const batch = dims[0] ?? null;
  const builder = builderFor(model.graph, model.infos.keys());
  const output = builder.op('Reshape', [model.output, builder.ints([batch ?? -1, units])]);
  const graph = {
    ...model.graph,
    nodes: [...model.graph.nodes, ...builder.nodes],
    constants: new Map([...model.graph.constants, ...builder.constants]),
  };
  const infos = new Map(model.infos).set(output, { dtype, dims: [batch, units] });
  for (const [name, c] of builder.constants) infos.set(name, { dtype: c.dtype, dims: c.dims });
  return withOutput({ ...model, infos }, graph, output);
}

function withOutput(model: NormalisedModel, graph: Graph, output: string): NormalisedModel {
  const info = model.infos.get(output)!;
  const done = pruned({ ...graph, outputs: [{ name: output, ...info }] }, [output]);
  return { ...model, graph: done, values: done.constants, output };
}
