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

/** Operators whose derivative is infinite somewhere where their value is finite, or as good as that. */
const SINGULAR: ReadonlySet<string> = new Set([
  ...['Sqrt', 'Pow', 'Log', 'Div', 'Reciprocal', 'LpNormalization', 'LpPool', 'GlobalLpPool', 'Acos', 'Asin', 'Acosh'],
  ...['Atanh', 'ReduceLogSum', 'Exp', 'Tan', 'Sinh', 'Cosh'],
]);

/**
 * The differentiable path. Integer and bool tensors (shapes, masks, indices) carry no derivative and end it, unless they
 * are quantised values; an inner graph (If, Loop, Scan) that reads a tensor from outside belongs to it.
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
    const quantised = QUANTISING.has(node.op) || from.some(name => !floating(name));
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

/** The score depends on nothing of `wrt`, or only through decisions: then the operators that make them are named. */
function unreached({ graph }: NormalisedModel, wrt: readonly string[], of: string, ends: readonly Node[]): CtXaiError {
  const names = `'${wrt.join("', '")}'`;
  if (!dependents(graph, wrt).has(of)) {
    return new CtXaiError('LAYER', `the score '${of}' does not depend on ${names}.`, {
      hint: 'Choose a layer between the image and the scores.',
    });
  }
  const named = ends.slice(0, 3).map(node => `${node.op} at node '${node.name}'`);
  const by = named.length > 0 ? ` (${named.join(', ')})` : '';
  return new CtXaiError(
    'OPERATOR',
    `the score '${of}' depends on ${names} only through operators that decide or count${by}: their derivative is 0.`,
    { hint: 'Explainers that need scores only still work.' },
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
