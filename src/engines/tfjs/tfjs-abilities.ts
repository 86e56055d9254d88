import type { Batch, Capability } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import { type Abilities, abilitiesWithout, NO_LAYERS } from '../shared/abilities.ts';
import { throwIfAborted } from '../shared/in-order.ts';
import type { LayerMap } from '../shared/layer-map.ts';
import type { NetworkRunner } from '../shared/network-runner.ts';

const TARGET = { class: 0, score: 'logit' } as const;

/**
 * What a model can do, found by one backward pass of an empty image: whether TF.js can differentiate all of its
 * operators on this device is told by trying only.
 * @throws CtXaiError where a backward pass failed and scores can't be had any more
 */
export async function tfjsAbilities(runner: NetworkRunner, layers: LayerMap, signal?: AbortSignal): Promise<Abilities> {
  const limitations: Partial<Record<Capability, string>> = {
    'backward-rules':
      'TF.js models are differentiated by the derivative of each operator only; the engine onnx runs layers models with other rules.',
    'bias-gradients': 'TF.js gives no gradients at biases; the engine onnx, which runs layers models too, does.',
    attention: 'TF.js gives no attention matrices; the engine onnx, which runs layers models too, does.',
  };
  const blank: Batch = { count: 1, write: (_, out) => out.fill(0) };
  const attempt = async (backwards: () => Promise<void>): Promise<string | undefined> => {
    try {
      await backwards();
      return undefined;
    } catch (error) {
      throwIfAborted(signal);
      await runner.forward(blank, () => undefined, signal);
      return `it can't be differentiated: ${messageOf(error)}`;
    }
  };
  const failed = await attempt(() => runner.gradients(blank, TARGET, () => undefined, signal ? { signal } : {}));
  if (failed !== undefined) limitations.gradients = failed;
  const layer = (layers.cam ?? layers.layers.at(-1))?.name;
  if (layer === undefined) {
    for (const name of ['activations', 'layers', 'continuation'] as const) limitations[name] = NO_LAYERS;
  } else if (failed !== undefined) {
    const behind = await attempt(() => runner.layerGradients(blank, TARGET, [layer], () => undefined, signal));
    if (behind !== undefined) limitations.layers = behind;
  }
  return abilitiesWithout(limitations);
}
