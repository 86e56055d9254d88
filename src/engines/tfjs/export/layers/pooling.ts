import { attr } from '../../../onnx/graph/graph.ts';
import type { Writer } from '../export-context.ts';
import { requireChannelsLast, windowOf } from '../export-window.ts';

const pool =
  (op: 'MaxPool' | 'AveragePool'): Writer =>
  (layer, [x]) => {
    requireChannelsLast(layer);
    const [h, w, c] = layer.image(x!);
    const kernel = layer.settings.pair('pool_size', [2, 2]);
    const { strides, pads, size } = windowOf(layer, [h, w], kernel, layer.settings.pair('strides', kernel));
    const name = layer.op(op, [x!.name], {
      kernel_shape: attr.ints(kernel),
      strides: attr.ints(strides),
      pads: attr.ints(pads),
    });
    return { name, shape: [...size, c] };
  };

const globalPool =
  (op: string): Writer =>
  (layer, [x]) => {
    requireChannelsLast(layer);
    const [, , c] = layer.image(x!);
    const pooled = layer.op(op, [x!.name]);
    if (layer.settings.flag('keepdims', false)) return { name: pooled, shape: [1, 1, c] };
    return { name: layer.op('Flatten', [pooled]), shape: [c] };
  };

export const poolingLayers: Readonly<Record<string, Writer>> = {
  MaxPooling2D: pool('MaxPool'),
  AveragePooling2D: pool('AveragePool'),
  GlobalAveragePooling2D: globalPool('GlobalAveragePool'),
  GlobalMaxPooling2D: globalPool('GlobalMaxPool'),
};
