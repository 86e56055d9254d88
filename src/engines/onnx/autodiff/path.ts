import { CtXaiError } from '../../../core/errors.ts';
import { DType, type Node } from '../graph/graph.ts';
import { dependents, readBy } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/** What lies between a tensor and the score. */
export interface Path {
  readonly wrt: readonly string[];
  /** Tensors that depend on `wrt` differentiably, and that the score depends on. */
  readonly tensors: ReadonlySet<string>;
  /** The nodes that lead from one of them to another, in graph order. */
  readonly nodes: readonly Node[];
  /** Those before an operator whose derivative may be infinite, so that their masks must select, not multiply. */
  readonly exposed: ReadonlySet<Node>;
}

/** Element types that carry derivatives. */
export const FLOATING: ReadonlySet<number> = new Set([DType.float, DType.float16, DType.double]);

/** Operators between numbers and quantised integers: their outputs are no mere indices or masks. */
const QUANTISING: ReadonlySet<string> = new Set(['QuantizeLinear', 'DynamicQuantizeLinear']);

/** Operators whose output moves in steps: their derivative is 0 wherever it exists. */
const ROUNDING: ReadonlySet<string> = new Set(['Floor', 'Ceil', 'Round', 'Sign']);

/** Operators whose derivative is infinite somewhere where their value is finite, or as good as that. */
const SINGULAR: ReadonlySet<string> = new Set([
  ...['Sqrt', 'Pow', 'Log', 'Div', 'Reciprocal', 'LpNormalization', 'LpPool', 'GlobalLpPool', 'Acos', 'Asin', 'Acosh'],
  ...['Atanh', 'ReduceLogSum', 'Exp', 'Tan', 'Sinh', 'Cosh'],
]);

/**
 * The differentiable path. Integer and bool tensors (shapes, masks, indices) carry no derivative and end it, unless they
 * are quantised values, and so do operators that round, unless gradients pass straight through; an inner graph (If, Loop,
 * Scan) that reads a tensor from outside belongs to it.
 * @throws CtXaiError LAYER if `of` does not depend on `wrt`; OPERATOR if it does, but not differentiably.
 */
export function findPath(model: NormalisedModel, wrt: readonly string[], of: string): Path {
  const { graph, infos, values } = model;
  const floating = (name: string) => FLOATING.has(infos.get(name)?.dtype ?? 0);
  const numeric = (name: string) => infos.get(name)?.dtype !== DType.bool;
  const reached = new Set(wrt);
  const forwards: Node[] = [];
  const ends: Node[] = [];
  for (const node of graph.nodes) {
    const from = readBy(node).filter(name => reached.has(name));
    if (from.length === 0) continue;
    if (node.op === 'Hardmax' || (ROUNDING.has(node.op) && !model.straightThrough)) {
      ends.push(node);
      continue;
    }
    const truncates = model.straightThrough === true && castsThereAndBack(node, model);
    const quantised = truncates || QUANTISING.has(node.op) || from.some(name => !floating(name));
    const carries = quantised ? numeric : floating;
    const outputs = node.outputs.filter(name => name !== '' && carries(name) && !values.has(name));
    if (outputs.length === 0) {
      ends.push(node);
      continue;
    }
    for (const name of outputs) reached.add(name);
    forwards.push(node);
  }
  if (!reached.has(of)) throw unreached(model, wrt, of, ends);
  const tensors = new Set([of]);
  const nodes: Node[] = [];
  const exposed = new Set<Node>();
  const infinite = new Set<string>();
  for (const node of forwards.toReversed()) {
    if (!node.outputs.some(name => tensors.has(name))) continue;
    nodes.push(node);
    if (node.outputs.some(name => infinite.has(name))) exposed.add(node);
    for (const name of readBy(node)) {
      if (!reached.has(name)) continue;
      tensors.add(name);
      if (exposed.has(node) || SINGULAR.has(node.op)) infinite.add(name);
    }
  }
  return { wrt, tensors, nodes: nodes.reverse(), exposed };
}

/** Whether a Cast makes integers of numbers that are read as numbers again alone. */
function castsThereAndBack(node: Node, { graph, infos }: NormalisedModel): boolean {
  const floating = (name: string) => FLOATING.has(infos.get(name)?.dtype ?? 0);
  const [from, to] = [node.inputs[0]!, node.outputs[0]!];
  if (node.op !== 'Cast' || !floating(from) || floating(to) || infos.get(to)?.dtype === DType.bool) return false;
  const readers = graph.nodes.filter(n => readBy(n).includes(to));
  return readers.length > 0 && readers.every(n => n.op === 'Cast' && floating(n.outputs[0]!));
}

/** The score depends on nothing of `wrt`, or only through decisions: then the operators that make them are named. */
function unreached(model: NormalisedModel, wrt: readonly string[], of: string, ends: readonly Node[]): CtXaiError {
  const { graph } = model;
  const names = `'${wrt.join("', '")}'`;
  if (!dependents(graph, wrt).has(of)) {
    return new CtXaiError('LAYER', `the score '${of}' does not depend on ${names}.`, {
      hint: 'Choose a layer between the image and the scores.',
    });
  }
  const told = ends.filter(node => node.op !== 'Shape' && dependents(graph, node.outputs).has(of));
  const named = told.slice(0, 3).map(node => `${node.op} at node '${node.name}'`);
  const by = named.length > 0 ? ` (${named.join(', ')})` : '';
  const rounds = told.some(node => ROUNDING.has(node.op) || castsThereAndBack(node, model));
  const through = " 'quantisation: straight-through' in the card lets gradients pass rounding as if it were not there.";
  return new CtXaiError(
    'OPERATOR',
    `the score '${of}' depends on ${names} only through operators that decide, count or round${by}: their derivative is 0.`,
    { hint: `Explainers that need scores only still work.${rounds ? through : ''}` },
  );
}

/** A few tensor names from `wrt` through `node` to `of`, for messages. */
export function trace(path: Path, model: NormalisedModel, node: Node, of: string): string {
  const back: string[] = [];
  let at = readBy(node).find(name => path.tensors.has(name));
  while (at !== undefined && !path.wrt.includes(at)) {
    back.unshift(at);
    const producer = path.nodes.find(n => n.outputs.includes(at!));
    at = producer && readBy(producer).find(name => path.tensors.has(name));
  }
  const from = at ?? path.wrt[0]!;
  const start = from === model.input ? `${from} (input)` : from;
  const ahead: string[] = [];
  at = node.outputs.find(name => path.tensors.has(name));
  while (at !== undefined && at !== of) {
    ahead.push(at);
    const consumer = path.nodes.find(n => readBy(n).includes(at!));
    at = consumer?.outputs.find(name => path.tensors.has(name));
  }
  const short = (names: string[]) => (names.length > 4 ? [...names.slice(0, 2), '…', ...names.slice(-2)] : names);
  return [start, ...short(back), `[${node.op}]`, ...short(ahead), of].join(' → ');
}
