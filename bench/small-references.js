import { readFileSync } from 'node:fs';
import { readNpy } from '../dist/core/npy.js';
import { filled, tensor } from '../dist/core/tensor.js';
import { onnxEngine } from '../dist/engines/onnx/index.js';
import { plainCard } from './plain-card.js';

const root = new URL('../test/golden/explainers/', import.meta.url);

/** Names of the small networks of test/golden/explainers whose explanations are compared with long runs. */
export const NETWORKS = ['cnn', 'densenet', 'vit'];

/**
 * For each network and the first `images` of its images: what an explanation is of, the class explained, and a memo by
 * which explainers share work on that image. A network is closed when the next one is asked for.
 */
export async function* smallReferences(images) {
  const { models } = JSON.parse(readFileSync(new URL('index.json', root), 'utf8'));
  for (const network of NETWORKS) {
    const { file, images: stack, side, classes, targets } = models[network];
    const card = plainCard({
      id: network,
      file: new URL(file, root).pathname,
      size: [side, side],
      channels: 1,
      classes,
    });
    const model = await onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1 });
    try {
      const stored = readNpy(readFileSync(new URL(stack, root)), stack).data;
      for (let i = 0; i < images; i++) {
        const data = stored.slice(i * side * side, (i + 1) * side * side);
        const subject = {
          ...{ model, image: tensor([side, side, 1], data), baseline: filled([side, side, 1], -0.75) },
          ...{
            view: tensor([side, side], data),
            spacing: [1, 1],
            windowRange: [4],
            signal: new AbortController().signal,
          },
        };
        const shared = new Map();
        const memo = async (key, compute) => {
          if (!shared.has(key)) shared.set(key, await compute());
          return shared.get(key);
        };
        yield { network, subject, target: targets[i], memo };
      }
    } finally {
      await model.close();
    }
  }
}
