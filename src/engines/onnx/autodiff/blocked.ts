import { type Node, read } from '../graph.ts';
import type { NormalisedModel } from '../model.ts';

/** Channels per block: 16 with AVX-512, 8 with AVX2; a multiple of 16 suits both. */
const BLOCK = 16;

const STARTING: ReadonlySet<string> = new Set(['Conv', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool']);
const KEEPING: ReadonlySet<string> = new Set([
  ...['Add', 'Sum', 'Mul', 'Concat', 'Relu', 'Sigmoid', 'Tanh', 'BatchNormalization'],
  // Fused into the convolution before them.
  ...['Clip', 'LeakyRelu', 'HardSigmoid'],
]);

/**
 * Images that ONNX Runtime's CPU back end keeps in blocks of channels (NCHWc), judged as its optimiser does. Of the
 * operators outside a short list each one costs two reorderings, so that rules write masks and the like as depthwise
 * convolutions there.
 */
export function blockedTensors(model: NormalisedModel): ReadonlySet<string> {
  const { graph, infos, values } = model;
  const found = new Set<string>();
  const fits = (name: string) => {
    const dims = infos.get(name)?.dims;
    return dims?.length === 4 && dims[1] !== null && dims[1]! % BLOCK === 0;
  };
  for (const node of graph.nodes) {
    const [output] = node.outputs as [string];
    if (!fits(output) || (node.op === 'Conv' && !isFast(node, infos.get(node.inputs[1]!)!.dims))) continue;
    const varying = node.inputs.filter(name => name !== '' && !values.has(name));
    const kept = KEEPING.has(node.op) && node.inputs.length > 0 && varying.every(name => found.has(name));
    if (STARTING.has(node.op) || kept) found.add(output);
  }
  return found;
}

/** Whether a convolution has a kernel for blocks. */
function isFast(node: Node, weights: readonly (number | null)[]): boolean {
  const group = read.int(node, 'group', 1);
  const inner = weights[1]!;
  if (group === 1) return inner < BLOCK || inner % 4 === 0;
  return inner === 1 ? weights[0] === group : inner % BLOCK === 0 && (weights[0]! / group) % BLOCK === 0;
}
