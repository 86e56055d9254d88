import { createRng } from '../dist/core/rng.js';
import { attr, constant, DType, GraphBuilder } from '../dist/engines/onnx/graph/graph.js';

/**
 * The convolutions of VGG-11 (Simonyan & Zisserman 2015, configuration A) with a small head in place of its three
 * dense layers, with random weights: speed does not depend on them.
 * @returns {import('../dist/engines/onnx/graph/graph.js').Graph}
 */
export function vgg11(size = 224, channels = 1, classes = 2) {
  const rng = createRng('vgg11');
  const b = new GraphBuilder({ opset: 17, taken: ['image'] });
  const random = (dims, scale) => {
    const data = new Float32Array(dims.reduce((p, d) => p * d, 1));
    for (let i = 0; i < data.length; i++) data[i] = scale * rng.normal();
    return b.constant(constant.float(dims, data));
  };
  let [x, from] = ['image', channels];
  for (const to of [64, 'pool', 128, 'pool', 256, 256, 'pool', 512, 512, 'pool', 512, 512, 'pool']) {
    if (to === 'pool') {
      x = b.op('MaxPool', [x], { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) });
      continue;
    }
    const weights = random([to, from, 3, 3], Math.sqrt(2 / (from * 9)));
    x = b.op('Conv', [x, weights, random([to], 0.05)], {
      kernel_shape: attr.ints([3, 3]),
      pads: attr.ints([1, 1, 1, 1]),
    });
    x = b.op('Relu', [x]);
    from = to;
  }
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [x])]);
  const logits = b.op('Gemm', [pooled, random([from, classes], 0.05), random([classes], 0.05)]);
  return {
    opset: 17,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'image', dtype: DType.float, dims: [null, channels, size, size] }],
    outputs: [{ name: logits, dtype: DType.float, dims: [null, classes] }],
  };
}
