import { type Constant, type Node, numbersOf, read } from '../../graph/graph.ts';
import type { Edit } from './edit.ts';

/** Multiplies a convolution's output channels by `values` (one per channel, or one for all), in its weights. */
export function scaleOutputs(edit: Edit, node: Node, values: Float32Array): boolean {
  const weights = edit.constant(node.inputs[1]!)!;
  const group = read.int(node, 'group', 1);
  const channels = node.op === 'Conv' ? weights.dims[0]! : weights.dims[1]! * group;
  if (values.length !== 1 && values.length !== channels) return false;
  const bias = node.inputs[2] ? edit.constant(node.inputs[2]) : undefined;
  if (node.inputs[2] && !bias) return false;
  const [rows, columns] = weights.dims as [number, number];
  const scaled = scaledBy(weights, values, (row, column) =>
    node.op === 'Conv' ? row : Math.floor(row / (rows / group)) * columns + column,
  );
  const inputs = [node.inputs[0]!, edit.store(scaled, 'scaled')];
  if (bias)
    inputs.push(
      edit.store(
        scaledBy(bias, values, row => row),
        'scaled',
      ),
    );
  edit.replace(node, { ...node, inputs });
  return true;
}

/** Multiplies a convolution's input channels by `values`, in its weights. */
export function scaleInputs(edit: Edit, node: Node, values: Float32Array): boolean {
  const weights = edit.constant(node.inputs[1]!)!;
  const group = read.int(node, 'group', 1);
  const channels = node.op === 'Conv' ? weights.dims[1]! * group : weights.dims[0]!;
  if (values.length !== 1 && values.length !== channels) return false;
  const [rows, columns] = weights.dims as [number, number];
  const scaled = scaledBy(weights, values, (row, column) =>
    node.op === 'Conv' ? Math.floor(row / (rows / group)) * columns + column : row,
  );
  edit.replace(node, { ...node, inputs: node.inputs.with(1, edit.store(scaled, 'scaled')) });
  return true;
}

/** A tensor [rows, columns, …] with each row and column multiplied by the value of its channel. */
function scaledBy(c: Constant, values: Float32Array, channel: (row: number, column: number) => number): Constant {
  const [rows, columns = 1] = c.dims as [number, number?];
  const source = c.data as Float32Array;
  const data = new Float32Array(source.length);
  const size = source.length / (rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const factor = values.length === 1 ? values[0]! : values[channel(row, column)]!;
      const from = (row * columns + column) * size;
      for (let i = from; i < from + size; i++) data[i] = source[i]! * factor;
    }
  }
  return { ...c, data };
}

/** Whether a node repeats the pixels of each channel by whole factors. */
export function isRepeating(node: Node, edit: Edit): boolean {
  if (node.op !== 'Resize' || read.string(node, 'mode', 'nearest') !== 'nearest') return false;
  const scales = node.inputs[2] ? edit.constant(node.inputs[2]) : undefined;
  if (!scales || read.string(node, 'coordinate_transformation_mode', 'half_pixel') !== 'asymmetric') return false;
  const factors = numbersOf(scales);
  return factors[0] === 1 && factors[1] === 1 && factors.every(Number.isInteger);
}
