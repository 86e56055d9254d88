import type { NormalisedModel } from '../load/load-model.ts';
import { TrainedNetwork, type WeightArrays } from './network.ts';

export interface Shape {
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly classes: number;
  /** Channels relative to the architecture's own. Default 1. */
  readonly width?: number;
}

export interface Built {
  readonly network: TrainedNetwork;
  readonly model: NormalisedModel;
}

export type Architecture = (shape: Shape, weights?: WeightArrays) => Built;

const scaled = (channels: number, { width = 1 }: Shape): number => Math.max(1, Math.round(channels * width));

/** Four blocks of 3×3 convolution, batch normalisation, ReLU and pooling, then global average pooling. */
const cnn: Architecture = (shape, weights) => {
  const net = new TrainedNetwork(shape, weights);
  let x = 'image';
  [16, 32, 64, 128].forEach((full, block) => {
    const channels = scaled(full, shape);
    x = net.relu(net.norm(net.conv(x, channels, 3)));
    if (block > 0) x = net.relu(net.norm(net.conv(x, channels, 3)));
    if (block < 3) x = net.pool(x, 'max');
  });
  return { network: net, model: net.finish(net.dense(net.globalAverage(x), shape.classes)) };
};

/**
 * DenseNet-BC (Huang et al. 2017): bottlenecks of 4·growth channels, transitions that halve the channels.
 * @param stem 7×7 with pooling as for ImageNet, or 3×3 as for small images
 */
function denseNet(fullGrowth: number, blocks: readonly number[], fullFirst: number, stem: 3 | 7): Architecture {
  return (shape, weights) => {
    const [growth, first] = [scaled(fullGrowth, shape), scaled(fullFirst, shape)];
    const net = new TrainedNetwork(shape, weights);
    const act = (x: string) => net.relu(net.norm(x));
    let x = net.pool(act(net.conv('image', first, stem, 2)), 'max');
    blocks.forEach((layers, block) => {
      const parts = [x];
      for (let layer = 0; layer < layers; layer++) {
        const bottleneck = net.conv(act(net.concat(parts)), 4 * growth, 1);
        parts.push(net.conv(act(bottleneck), growth, 3));
      }
      x = net.concat(parts);
      if (block < blocks.length - 1) {
        x = net.pool(net.conv(act(x), Math.floor(net.channels(x) / 2), 1), 'average');
      }
    });
    return { network: net, model: net.finish(net.dense(net.globalAverage(act(x)), shape.classes)) };
  };
}

/** What `ct-xai train --arch` offers. */
export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map([
  ['cnn', cnn],
  ['densenet', denseNet(16, [4, 6, 8], 32, 3)],
  ['densenet121', denseNet(32, [6, 12, 24, 16], 64, 7)],
]);
