import { type Node, read } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { Dims } from './emit.ts';
import { ruleOf } from './rules/index.ts';

/** Operators that may fold other axes into the first one, or move it. */
const REARRANGING: ReadonlySet<string> = new Set([
  ...['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Expand', 'Tile', 'Einsum', 'MatMul', 'Trilu'],
  ...['Gather', 'GatherElements', 'GatherND', 'ScatterElements', 'ScatterND', 'TopK'],
]);

/**
 * Tensors whose dynamic first dim is the batch itself, not a multiple of it (as where windows or tokens are folded
 * into it). What can't be told is left out.
 */
export function batchTensors(model: NormalisedModel): ReadonlySet<string> {
  const { graph, infos, input } = model;
  const found = new Set<string>();
  const dims = (name: string): Dims => infos.get(name)?.dims ?? [];
  const dynamic = (name: string) => dims(name).includes(null);
  if (dims(input)[0] === null) found.add(input);
  for (const node of graph.nodes) {
    const from = node.inputs.filter(dynamic);
    if (from.length === 0 || !from.every(name => found.has(name)) || !keepsBatch(node, dims)) continue;
    const rank = dims(from[0]!).length;
    if (from.some(name => dims(name).length !== rank)) continue;
    for (const name of node.outputs) {
      if (dims(name)[0] === null && dims(name).indexOf(null, 1) < 0) found.add(name);
    }
  }
  return found;
}

function keepsBatch(node: Node, dims: (name: string) => Dims): boolean {
  if (node.op === 'Reshape') return volume(dims(node.inputs[0]!)) === volume(dims(node.outputs[0]!));
  if (node.op === 'Transpose') return read.ints(node, 'perm')?.[0] === 0;
  if (node.op === 'Concat' && read.int(node, 'axis', 0) === 0) return false;
  return ruleOf(node) !== undefined && !REARRANGING.has(node.op);
}

/** Elements per image, where only the first dim is dynamic; else NaN. */
function volume(dims: Dims): number {
  if (dims[0] !== null) return Number.NaN;
  return dims.slice(1).reduce<number>((a, d) => a * (d ?? Number.NaN), 1);
}
