import { numbersOf } from '../../graph/graph.ts';
import type { NormalisedModel } from '../../load/load-model.ts';
import { isRectifier } from './rectifiers.ts';

/** Operators that make nothing negative. */
const POSITIVE: ReadonlySet<string> = new Set(['Sigmoid', 'HardSigmoid', 'Softplus', 'Softmax', 'Exp', 'Abs']);

/** Operators that make nothing negative of inputs that are not. */
const KEEPING: ReadonlySet<string> = new Set([
  ...['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'ReduceMean', 'ReduceSum', 'ReduceMax'],
  ...['Concat', 'Split', 'Slice', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Expand', 'Tile'],
  ...['Add', 'Mul', 'Sum', 'Mean', 'Identity', 'Dropout', 'DepthToSpace', 'SpaceToDepth'],
]);

/** Tensors that are nowhere negative, whatever the image; as far as their operators tell. */
export function nonNegativeTensors({ graph, values }: NormalisedModel): ReadonlySet<string> {
  const found = new Set<string>();
  const fine = (name: string) => {
    const value = values.get(name);
    return found.has(name) || (value !== undefined && numbersOf(value).every(v => v >= 0));
  };
  for (const node of graph.nodes) {
    if (node.domain !== '') continue;
    const data =
      KEEPING.has(node.op) && ['Reshape', 'Slice', 'Squeeze', 'Unsqueeze', 'Expand', 'Tile', 'Split'].includes(node.op);
    const inputs = data ? node.inputs.slice(0, 1) : node.inputs;
    const holds =
      POSITIVE.has(node.op) ||
      isRectifier(node, values) ||
      (KEEPING.has(node.op) && inputs.every(name => name === '' || fine(name)));
    if (holds) for (const name of node.outputs) found.add(name);
  }
  return found;
}
