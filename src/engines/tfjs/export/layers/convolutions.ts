import { attr } from '../../../onnx/graph/graph.ts';
import type { Weight } from '../../keras/model-files.ts';
import type { LayerWriter, Value, Writer } from '../export-context.ts';
import { along, requireChannelsLast, windowOf } from '../export-window.ts';
import { activated } from './activations.ts';

/** A kernel's values in another order of its axes. */
function reordered({ shape, data }: Weight, order: readonly number[]): Weight {
  const dims = order.map(axis => shape[axis]!);
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const out = new Float32Array(data.length);
  const index = dims.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = data[order.reduce((at, axis, k) => at + index[k]! * strides[axis]!, 0)]!;
    for (let k = dims.length - 1; k >= 0 && ++index[k]! === dims[k]!; k--) index[k] = 0;
  }
  return { shape: dims, data: out };
}

function biasOf(layer: LayerWriter): string[] {
  if (!layer.settings.flag('use_bias', true)) return [];
  const { shape, data } = layer.weight('bias');
  return [layer.floats('bias', shape, data)];
}

/** A convolution without its activation. */
function convolution(layer: LayerWriter, x: Value, kernel: Weight, groups: number, bias: readonly string[]): Value {
  requireChannelsLast(layer);
  const [h, w] = layer.image(x);
  const [out, , kh, kw] = kernel.shape as [number, number, number, number];
  const window = windowOf(layer, [h, w], [kh, kw], layer.settings.pair('strides', [1, 1]));
  const name = layer.op('Conv', [x.name, layer.floats('kernel', kernel.shape, kernel.data), ...bias], {
    kernel_shape: attr.ints([kh, kw]),
    strides: attr.ints(window.strides),
    dilations: attr.ints(window.dilations),
    pads: attr.ints(window.pads),
    group: attr.int(groups),
  });
  return { name, shape: [...window.size, out] };
}

/** [kh, kw, in / groups, out] */
const conv2d: Writer = (layer, [x]) => {
  const kernel = reordered(layer.weight('kernel'), [3, 2, 0, 1]);
  return activated(layer, convolution(layer, x!, kernel, layer.settings.number('groups', 1), biasOf(layer)));
};

/** [kh, kw, in, multiplier] → [in · multiplier, 1, kh, kw] */
function depthwiseKernel(layer: LayerWriter): Weight {
  const { shape, data } = reordered(layer.weight('depthwise_kernel'), [2, 3, 0, 1]);
  const [channels, multiplier, kh, kw] = shape as [number, number, number, number];
  return { shape: [channels * multiplier, 1, kh, kw], data };
}

const depthwiseConv2d: Writer = (layer, [x]) => {
  return activated(layer, convolution(layer, x!, depthwiseKernel(layer), x!.shape[2]!, biasOf(layer)));
};

const separableConv2d: Writer = (layer, [x]) => {
  const depthwise = convolution(layer, x!, depthwiseKernel(layer), x!.shape[2]!, []);
  const point = reordered(layer.weight('pointwise_kernel'), [3, 2, 0, 1]);
  const name = layer.op(
    'Conv',
    [depthwise.name, layer.floats('pointwise', point.shape, point.data), ...biasOf(layer)],
    {
      kernel_shape: attr.ints([1, 1]),
    },
  );
  return activated(layer, { name, shape: [...depthwise.shape.slice(0, 2), point.shape[0]!] });
};

/** [kh, kw, out, in]; the output is what a convolution with these settings would make the input from. */
const conv2dTranspose: Writer = (layer, [x]) => {
  requireChannelsLast(layer);
  const { settings } = layer;
  const kernel = reordered(layer.weight('kernel'), [3, 2, 0, 1]);
  const [, out, kh, kw] = kernel.shape as [number, number, number, number];
  const strides = settings.pair('strides', [1, 1]);
  if (settings.pair('dilation_rate', [1, 1]).some(d => d !== 1) || settings.has('output_padding')) {
    throw layer.unsupported('dilation or output_padding');
  }
  const same = settings.text('padding', 'valid') === 'same';
  const sides = along(layer.image(x!), [kh, kw], strides, (size, k, stride) => {
    const to = same ? size * stride : size * stride + Math.max(k - stride, 0);
    const reach = (size - 1) * stride + k;
    const cut = Math.max(reach - to, 0);
    return { to, before: Math.floor(cut / 2), after: cut - Math.floor(cut / 2), more: Math.max(to - reach, 0) };
  });
  const name = layer.op(
    'ConvTranspose',
    [x!.name, layer.floats('kernel', kernel.shape, kernel.data), ...biasOf(layer)],
    {
      kernel_shape: attr.ints([kh, kw]),
      strides: attr.ints(strides),
      pads: attr.ints([...sides.map(s => s.before), ...sides.map(s => s.after)]),
      output_padding: attr.ints(sides.map(s => s.more)),
    },
  );
  return activated(layer, { name, shape: [...sides.map(s => s.to), out] });
};

/** On images a dense layer works on each pixel's channels: a convolution with one pixel. */
const dense: Writer = (layer, [x]) => {
  const kernel = layer.weight('kernel');
  const [from, to] = kernel.shape as [number, number];
  const { name, shape } = x!;
  if (shape.at(-1) !== from) throw layer.unsupported(`an input of shape [${shape.join(', ')}] for ${from} values`);
  const bias = biasOf(layer);
  const out = [...shape.slice(0, -1), to];
  if (shape.length === 3) {
    const points = reordered({ shape: [1, 1, from, to], data: kernel.data }, [3, 2, 0, 1]);
    const weights = layer.floats('kernel', points.shape, points.data);
    return activated(layer, { name: layer.op('Conv', [name, weights, ...bias]), shape: out });
  }
  const weights = layer.floats('kernel', kernel.shape, kernel.data);
  if (shape.length === 1) return activated(layer, { name: layer.op('Gemm', [name, weights, ...bias]), shape: out });
  const product = layer.op('MatMul', [name, weights]);
  return activated(layer, { name: bias.length > 0 ? layer.op('Add', [product, ...bias]) : product, shape: out });
};

export const convolutionLayers: Readonly<Record<string, Writer>> = {
  Conv2D: conv2d,
  DepthwiseConv2D: depthwiseConv2d,
  SeparableConv2D: separableConv2d,
  Conv2DTranspose: conv2dTranspose,
  Dense: dense,
};
