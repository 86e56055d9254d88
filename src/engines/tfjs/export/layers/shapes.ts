import { sizeOf } from '../../../../core/tensor.ts';
import { attr } from '../../../onnx/graph/graph.ts';
import type { LayerWriter, Value, Writer } from '../export-context.ts';
import { requireChannelsLast } from '../export-window.ts';

/** The same values in TF.js's order under another shape. */
export function reshaped(layer: LayerWriter, x: Value, shape: readonly number[]): Value {
  const name = layer.op('Reshape', [layer.channelsLast(x), layer.ints([0, ...shape])]);
  return layer.channelsFirst(name, shape);
}

const flatten: Writer = (layer, [x]) => {
  requireChannelsLast(layer);
  const [h, w, c] = x!.shape;
  // With one pixel or one channel the order is the same.
  const source = x!.shape.length === 3 && (h! * w! === 1 || c === 1) ? x!.name : layer.channelsLast(x!);
  return { name: layer.op('Flatten', [source]), shape: [sizeOf(x!.shape)] };
};

const reshape: Writer = (layer, [x]) => {
  const wanted = layer.settings.dims('target_shape');
  const known = sizeOf(wanted.filter(d => d > 0));
  const shape = wanted.map(d => (d > 0 ? d : sizeOf(x!.shape) / known));
  return reshaped(layer, x!, shape);
};

const permute: Writer = (layer, [x]) => {
  const dims = layer.settings.numbers('dims');
  const perm = attr.ints([0, ...dims]);
  const shape = dims.map(d => x!.shape[d - 1]!);
  return layer.channelsFirst(layer.op('Transpose', [layer.channelsLast(x!)], { perm }), shape);
};

const zeroPadding: Writer = (layer, [x]) => {
  requireChannelsLast(layer);
  const [h, w, c] = layer.image(x!);
  const [[top, bottom], [left, right]] = layer.settings.margins('padding');
  const name = layer.op('Pad', [x!.name, layer.ints([0, 0, top, left, 0, 0, bottom, right])]);
  return { name, shape: [h + top + bottom, w + left + right, c] };
};

const cropping: Writer = (layer, [x]) => {
  requireChannelsLast(layer);
  const [h, w, c] = layer.image(x!);
  const [[top, bottom], [left, right]] = layer.settings.margins('cropping');
  const inputs = [x!.name, layer.ints([top, left]), layer.ints([h - bottom, w - right]), layer.ints([2, 3])];
  return { name: layer.op('Slice', inputs), shape: [h - top - bottom, w - left - right, c] };
};

/** As TF.js does it: pixel i of the output takes from i / factor, also where Keras would take pixels' centres. */
const upSampling: Writer = (layer, [x]) => {
  requireChannelsLast(layer);
  const [h, w, c] = layer.image(x!);
  const [rows, columns] = layer.settings.pair('size', [2, 2]);
  const mode = layer.settings.text('interpolation', 'nearest');
  if (mode !== 'nearest' && mode !== 'bilinear') throw layer.unsupported(`interpolation '${mode}'`);
  const scales = layer.floats('scales', [4], [1, 1, rows, columns]);
  const name = layer.op('Resize', [x!.name, '', scales], {
    mode: attr.string(mode === 'nearest' ? 'nearest' : 'linear'),
    coordinate_transformation_mode: attr.string('asymmetric'),
    nearest_mode: attr.string('floor'),
  });
  return { name, shape: [h * rows, w * columns, c] };
};

/** Where the image has the size already. Else TF.js takes the corners' centres for the same, and Keras the corners. */
const resizing: Writer = (layer, [x]) => {
  const [h, w] = layer.image(x!);
  const size = ['height', 'width'].map(key => layer.settings.number(key, 0));
  if (size[0] === h && size[1] === w) return x!;
  throw layer.unsupported(`resizing ${h} × ${w} to ${size.join(' × ')} (give the model images of that size)`);
};

export const shapeLayers: Readonly<Record<string, Writer>> = {
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  ZeroPadding2D: zeroPadding,
  Cropping2D: cropping,
  Resizing: resizing,
  UpSampling2D: upSampling,
};
