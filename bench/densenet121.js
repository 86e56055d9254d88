import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCard } from '../dist/config/card.js';
import { attr, constant } from '../dist/engines/onnx/graph/graph.js';
import { encodeModel } from '../dist/engines/onnx/graph/proto.js';
import { plainCard } from './plain-card.js';
import { randomNetwork } from './random-network.js';
import { vgg11 } from './vgg11.js';

/**
 * DenseNet-121 (Huang et al. 2017) as PyTorch exports it, with random weights: speed does not depend on them.
 * @param {number} size pixels a side
 * @returns {import('../dist/engines/onnx/graph/graph.js').Graph}
 */
export function densenet121(size = 224, channels = 1, classes = 2) {
  const { b, random, classified } = randomNetwork('densenet121');
  const conv = (x, from, to, kernel, stride = 1) => {
    const pad = (kernel - 1) / 2;
    const weights = random([to, from, kernel, kernel], Math.sqrt(2 / (from * kernel * kernel)));
    return b.op('Conv', [x, weights], {
      kernel_shape: attr.ints([kernel, kernel]),
      pads: attr.ints([pad, pad, pad, pad]),
      strides: attr.ints([stride, stride]),
    });
  };
  const bnRelu = (x, c) => {
    const of = (scale, centre) => random([c], scale, centre);
    const inputs = [
      x,
      of(0.05, 1),
      of(0.1, 0),
      of(0.1, 0),
      b.constant(constant.float([c], new Float32Array(c).fill(1))),
    ];
    return b.op('Relu', [b.op('BatchNormalization', inputs)]);
  };
  let c = 64;
  let x = bnRelu(conv('image', channels, c, 7, 2), c);
  x = b.op('MaxPool', [x], {
    kernel_shape: attr.ints([3, 3]),
    pads: attr.ints([1, 1, 1, 1]),
    strides: attr.ints([2, 2]),
  });
  for (const [block, layers] of [6, 12, 24, 16].entries()) {
    const features = [x];
    for (let i = 0; i < layers; i++, c += 32) {
      const all = features.length === 1 ? x : b.op('Concat', [...features], { axis: attr.int(1) });
      const narrow = bnRelu(conv(bnRelu(all, c), c, 128, 1), 128);
      features.push(conv(narrow, 128, 32, 3));
    }
    x = bnRelu(b.op('Concat', [...features], { axis: attr.int(1) }), c);
    if (block === 3) break;
    x = b.op('AveragePool', [conv(x, c, c / 2, 1)], { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) });
    c /= 2;
  }
  return classified(x, c, { size, channels, classes });
}

/** The card of a bundled model; networks with random weights are written into the folder first. */
export async function cardOf(name, folder) {
  const network = { densenet121, vgg11 }[name];
  if (!network) return readCard(fileURLToPath(new URL(`../models/${name}`, import.meta.url)));
  const file = join(folder, `${name}.onnx`);
  writeFileSync(file, encodeModel(network(224, 1, 2)));
  return plainCard({ id: name, file, classes: 2, size: [224, 224], channels: 1 });
}
