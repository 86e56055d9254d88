import { CtXaiError } from '../../../core/errors.ts';
import { DType, type Node } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/** What lies between a tensor and the score. */
export interface Path {
  readonly wrt: readonly string[];
  /** Floating tensors that depend on `wrt` and that the score depends on. */
  readonly tensors: ReadonlySet<string>;
  /** The nodes that lead from one of them to another, in graph order. */
  readonly nodes: readonly Node[];
}

const FLOATING: ReadonlySet<number> = new Set([DType.float, DType.float16, DType.double]);

/**
 * The differentiable path: integer and bool tensors (shapes, masks, indices) carry no derivative and end it.
 * @throws CtXaiError LAYER if `of` depends on none of `wrt`.
 */
export function findPath(model: NormalisedModel, wrt: readonly string[], of: string): Path {
  const { graph, infos, values } = model;
  const floating = (name: string) => FLOATING.has(infos.get(name)?.dtype ?? 0) && !values.has(name);
  const reached = new Set(wrt);
  const forwards: Node[] = [];
  for (const node of graph.nodes) {
    if (!node.inputs.some(name => reached.has(name))) continue;
    const outputs = node.outputs.filter(name => name !== '' && floating(name));
    if (outputs.length === 0) continue;
    for (const name of outputs) reached.add(name);
    forwards.push(node);
  }
  if (!reached.has(of)) {
    throw new CtXaiError(
      'LAYER',
      `the score '${of}' doesn't depend on '${wrt.join("', '")}' through differentiable operators.`,
      {
        hint: 'Choose a layer between the image and the scores.',
      },
    );
  }
  const tensors = new Set([of]);
  const nodes: Node[] = [];
  for (const node of forwards.toReversed()) {
    if (!node.outputs.some(name => tensors.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) if (reached.has(name)) tensors.add(name);
  }
  return { wrt, tensors, nodes: nodes.reverse() };
}

/** A few tensor names from `wrt` through `node` to `of`, for messages. */
export function trace(path: Path, model: NormalisedModel, node: Node, of: string): string {
  const back: string[] = [];
  let at = node.inputs.find(name => path.tensors.has(name));
  while (at !== undefined && !path.wrt.includes(at)) {
    back.unshift(at);
    const producer = path.nodes.find(n => n.outputs.includes(at!));
    at = producer?.inputs.find(name => path.tensors.has(name));
  }
  const from = at ?? path.wrt[0]!;
  const start = from === model.input ? `${from} (input)` : from;
  const ahead: string[] = [];
  at = node.outputs.find(name => path.tensors.has(name));
  while (at !== undefined && at !== of) {
    ahead.push(at);
    const consumer = path.nodes.find(n => n.inputs.includes(at!));
    at = consumer?.outputs.find(name => path.tensors.has(name));
  }
  const short = (names: string[]) => (names.length > 4 ? [...names.slice(0, 2), '…', ...names.slice(-2)] : names);
  return [start, ...short(back), `[${node.op}]`, ...short(ahead), of].join(' → ');
}
