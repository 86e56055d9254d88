import { attr } from '../../../onnx/graph/graph.ts';
import type { LayerWriter, Value, Writer } from '../export-context.ts';
import { reshaped } from './shapes.ts';

/** Inputs of one rank: Keras puts ones right after the batch of those that have less. */
function level(layer: LayerWriter, inputs: readonly Value[]): readonly Value[] {
  const rank = Math.max(...inputs.map(x => x.shape.length));
  return inputs.map(x => {
    const missing = rank - x.shape.length;
    return missing === 0 ? x : reshaped(layer, x, [...Array.from({ length: missing }, () => 1), ...x.shape]);
  });
}

/** Element by element, with broadcasting. */
const merge =
  (join: (layer: LayerWriter, names: readonly string[]) => string): Writer =>
  (layer, inputs) => {
    const even = level(layer, inputs);
    const shape = even[0]!.shape.map((_, i) => Math.max(...even.map(x => x.shape[i]!)));
    const fits = even.every(x => x.shape.every((d, i) => d === 1 || d === shape[i]));
    if (!fits)
      throw layer.unsupported(`shapes that do not fit: ${even.map(x => `[${x.shape.join(', ')}]`).join(' and ')}`);
    return {
      name: join(
        layer,
        even.map(x => x.name),
      ),
      shape,
    };
  };

const oneByOne = (op: string) => {
  return merge((layer, [first, ...rest]) => rest.reduce((sum, name) => layer.op(op, [sum, name]), first!));
};

const average = merge((layer, names) => {
  const sum = names.slice(1).reduce((total, name) => layer.op('Add', [total, name]), names[0]!);
  return layer.op('Mul', [sum, layer.scalar(1 / names.length)]);
});

/** x + scale · y: a layer of keras.applications' InceptionResNetV2. */
const scaledSum = merge((layer, [x = '', y = '']) => {
  return layer.op('Add', [x, layer.op('Mul', [y, layer.scalar(layer.settings.number('scale', 1))])]);
});

const concatenate: Writer = (layer, inputs) => {
  const { shape } = inputs[0]!;
  const rank = shape.length + 1;
  const [given = -1] = layer.settings.numbers('axis');
  const axis = given < 0 ? given + rank : given;
  if (axis < 1 || axis >= rank) throw layer.unsupported(`axis ${given}`);
  const total = inputs.reduce((sum, x) => sum + x.shape[axis - 1]!, 0);
  const place = rank === 4 ? [0, 2, 3, 1][axis]! : axis;
  const names = inputs.map(x => x.name);
  return {
    name: names.length === 1 ? names[0]! : layer.op('Concat', names, { axis: attr.int(place) }),
    shape: shape.map((d, i) => (i === axis - 1 ? total : d)),
  };
};

export const mergingLayers: Readonly<Record<string, Writer>> = {
  Add: oneByOne('Add'),
  Subtract: oneByOne('Sub'),
  Multiply: oneByOne('Mul'),
  Maximum: oneByOne('Max'),
  Minimum: oneByOne('Min'),
  Average: average,
  CustomScaleLayer: scaledSum,
  Concatenate: concatenate,
};
