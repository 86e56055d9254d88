import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initializers, input, layers, model as modelOf, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { useDevice } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import { tfjsEngine } from '../../../src/engines/tfjs/tfjs-engine.ts';
import { cardFor } from '../onnx/fixtures.ts';
import { save } from './fixtures.ts';

const SIZE = 16;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ct-xai-tfjs-layers-'));
  await useDevice('cpu-js');
});
afterAll(() => rmSync(folder, { recursive: true }));

let seed = 0;
const drawn = () => initializers.randomNormal({ stddev: 0.4, seed: ++seed });
const conv = (name: string, x: SymbolicTensor) =>
  layers
    .conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'tanh', kernelInitializer: drawn(), name })
    .apply(x) as SymbolicTensor;

/** What stands between two convolutions; then a mean over pixels, and scores. */
const BETWEEN: Readonly<Record<string, (x: SymbolicTensor) => unknown>> = {
  'rows and columns that change places': x => layers.permute({ dims: [2, 1, 3], name: 'turned' }).apply(x),
  'a picture drawn from a few numbers': x => {
    const few = layers.globalAveragePooling2d({ name: 'few' }).apply(x);
    const units = SIZE * SIZE * 4;
    const drawing = layers.dense({ units, kernelInitializer: drawn(), activation: 'tanh', name: 'drawing' }).apply(few);
    return layers.reshape({ targetShape: [SIZE, SIZE, 4], name: 'picture' }).apply(drawing);
  },
};

async function cardOf(between: (x: SymbolicTensor) => unknown): Promise<ModelCard> {
  const image = input({ shape: [SIZE, SIZE, 1], name: 'image' });
  const second = conv('second', between(conv('first', image)) as SymbolicTensor);
  const mean = layers.globalAveragePooling2d({ name: 'mean' }).apply(second);
  const scores = layers.dense({ units: 3, kernelInitializer: drawn(), name: 'scores' }).apply(mean) as SymbolicTensor;
  const net = modelOf({ inputs: image, outputs: scores });
  const about = { classes: ['a', 'b', 'c'], input: { size: [SIZE, SIZE], channels: 1, layout: 'NHWC' } } as const;
  return { ...cardFor(await save(net, folder), about), format: 'tfjs' };
}

const open = (card: ModelCard) => tfjsEngine.open(card, { device: 'cpu-js', workers: 1 });

describe.each(Object.entries(BETWEEN))('%s', (_, between) => {
  it('leave layers behind them without pixels: the map is read before', async () => {
    const card = await cardOf(between);
    const opened = await open(card);
    try {
      expect(opened.runtime.camLayer).toBe('first');
      const found = await opened.layers();
      expect(found.find(layer => layer.name === 'first')).toMatchObject({ spatial: true, cam: true });
      expect(found.find(layer => layer.name === 'second')).toMatchObject({ spatial: false, shape: [SIZE, SIZE, 4] });
    } finally {
      await opened.close();
    }
    await expect(open({ ...card, camLayer: 'second' })).rejects.toThrow(
      /camLayer 'second' has no pixels: its cells do not/,
    );
  });
});

it('of strides that differ along rows and columns, the last layer has pixels', async () => {
  const opened = await open(
    await cardOf(x => layers.maxPooling2d({ poolSize: [2, 1], strides: [4, 1], name: 'strided' }).apply(x)),
  );
  try {
    expect(opened.runtime.camLayer).toBe('second');
    const found = await opened.layers();
    expect(found.find(layer => layer.name === 'second')).toMatchObject({ spatial: true, shape: [SIZE / 4, SIZE, 4] });
  } finally {
    await opened.close();
  }
});

it('where a cell of the last layer sees the whole of a small image, it keeps its place', async () => {
  const opened = await open(
    await cardOf(x => {
      // Coarse, and each cell mixed with all others by a gate of the whole image.
      const coarse = layers.averagePooling2d({ poolSize: 8, name: 'coarse' }).apply(x) as SymbolicTensor;
      return conv('fourth', conv('third', coarse));
    }),
  );
  expect(opened.runtime.camLayer).toBe('second');
  await opened.close();
});

it('a network without them has its map behind the last convolution', async () => {
  const opened = await open(await cardOf(x => x));
  expect(opened.runtime.camLayer).toBe('second');
  await opened.close();
});
