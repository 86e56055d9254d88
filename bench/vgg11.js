import { attr } from '../dist/engines/onnx/graph/graph.js';
import { randomNetwork } from './random-network.js';

/**
 * The convolutions of VGG-11 (Simonyan & Zisserman 2015, configuration A) with a small head in place of its three
 * dense layers, with random weights: speed does not depend on them.
 * @returns {import('../dist/engines/onnx/graph/graph.js').Graph}
 */
export function vgg11(size = 224, channels = 1, classes = 2) {
  const { b, random, classified } = randomNetwork('vgg11');
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
  return classified(x, from, { size, channels, classes });
}
