import { input, type LayersModel, layers, model as modelOf, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { cardFor } from '../onnx/fixtures.ts';
import { save } from './fixtures.ts';

/** What MobileNets and DenseNets are made of: depthwise and strided convolutions, joins, pools, a fused softmax. */
function smallNet(): LayersModel {
  const image = input({ shape: [12, 12, 1], name: 'image' });
  const conv = (name: string, more: object) =>
    layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', name, ...more });
  const stem = conv('stem', { activation: 'elu' }).apply(image) as SymbolicTensor;
  const deep = layers.depthwiseConv2d({ kernelSize: 3, strides: 2, padding: 'same', depthMultiplier: 2, name: 'deep' });
  const a = layers.batchNormalization({ name: 'norm' }).apply(deep.apply(stem)) as SymbolicTensor;
  const b = layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same', name: 'pool' }).apply(stem);
  const joined = layers.concatenate({ name: 'joined' }).apply([a, b as SymbolicTensor]);
  const last = conv('last', { filters: 6, activation: 'tanh' }).apply(joined);
  const flat = layers.globalAveragePooling2d({ name: 'gap' }).apply(last);
  const head = layers.dense({ units: 3, activation: 'softmax', name: 'head' }).apply(flat);
  return modelOf({ inputs: image, outputs: head as SymbolicTensor, name: 'small' });
}

/** Writes a small network into a folder, with weights drawn on the device in use. */
export async function smallCard(folder: string): Promise<ModelCard> {
  const net = smallNet();
  const file = await save(net, folder);
  net.dispose();
  return {
    ...cardFor(file, { classes: ['a', 'b', 'c'], input: { size: [12, 12], channels: 1, layout: 'NHWC' } }),
    format: 'tfjs',
    emits: 'probabilities',
  };
}

/** Images for it. */
export function smallImages(): Tensor {
  const rng = createRng('tfjs engine');
  const images = tensor([4, 12, 12, 1]);
  images.data.forEach((_, i) => {
    images.data[i] = rng.normal();
  });
  return images;
}
