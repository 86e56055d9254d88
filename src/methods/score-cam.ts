import { z } from 'zod';
import { type Batch, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { resizeBilinear } from '../core/image/resize.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { activationCam, camOptions, type LayerGrid, weightedActivations } from './shared/cam.ts';
import { channelsCost } from './shared/layers.ts';

/**
 * Score-CAM: ReLU(Σ_k w_k A_k), w_k by the score of the image seen through channel k, which is scaled to 0…1 and
 * enlarged, the baseline showing where it is 0 (Wang et al. 2020, equations 4 to 7). The weights are the softmax of
 * these scores over channels, or each score's difference from the baseline's. A channel of one value has weight 0.
 *
 * Undefined where the map is zero everywhere, where the model has no spatial layer, and with a softmax of a regression's
 * values, which would be another one in another unit.
 */
export const scoreCam = defineExplainer({
  name: 'score-cam',
  title: 'Score-CAM',
  summary: "A layer's activations, each weighted by the score of the image seen through it; no gradients.",
  advice: 'For networks without usable gradients, where a pass for every channel is affordable.',
  cite: 'Wang et al. 2020, arXiv:1910.01279',
  kind: 'ranking',
  baseline: 'air',
  requires: ['activations'],
  options: z.strictObject({
    ...camOptions,
    weights: z
      .enum(['softmax', 'difference'])
      .default('softmax')
      .describe("a channel's weight: softmax of the scores over channels, or the score less the baseline's"),
  }),
  presets: { 'torch-cam': { options: { score: 'logit' }, baseline: 'zero-input' } },
  // The layer, the baseline and a pass for each channel.
  cost: ({ layer }, model) => channelsCost(model, layer, 2),

  explain: async context => {
    const { model, image, baseline, target, options, signal } = context;
    if (model.regression && options.weights === 'softmax') {
      return undefinedBecause(
        "it has no meaning for a regression: a softmax of values depends on their unit. 'weights: difference' does not.",
      );
    }
    const asked = { class: target.class, score: options.score };
    return activationCam(context, async grid => {
      const masks = await model.score(maskedImages(grid, image, baseline), asked, { signal });
      const varies = Array.from({ length: grid.channels }, (_, k) => rangeOf(grid, k).high > rangeOf(grid, k).low);
      const top = masks.subarray(1).reduce((most, s, k) => (varies[k] ? Math.max(most, s) : most), -Infinity);
      const raw = varies.map((v, k) => {
        const s = masks[k + 1]!;
        return v ? (options.weights === 'softmax' ? Math.exp(s - top) : s - masks[0]!) : 0;
      });
      const total = options.weights === 'softmax' ? raw.reduce((a, b) => a + b, 0) || 1 : 1;
      const weights = raw.map(w => w / total);
      return { map: weightedActivations(grid, weights), diagnostics: { largestWeight: Math.max(...weights) } };
    });
  },
});

function rangeOf({ channels, activations }: LayerGrid, k: number): { readonly low: number; readonly high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (let i = k; i < activations.length; i += channels) {
    low = Math.min(low, activations[i]!);
    high = Math.max(high, activations[i]!);
  }
  return { low, high };
}

/** The baseline, then the image seen through each channel. */
function maskedImages(grid: LayerGrid, image: Tensor, baseline: Tensor): Batch {
  const [rows = 0, columns = 0, colours = 1] = image.shape;
  const { height, width, channels, activations } = grid;
  return {
    count: channels + 1,
    write(i, out) {
      out.set(baseline.data);
      if (i === 0) return;
      const { low, high } = rangeOf(grid, i - 1);
      const cells = Float32Array.from({ length: height * width }, (_, p) =>
        high > low ? (activations[p * channels + i - 1]! - low) / (high - low) : 0,
      );
      const mask = resizeBilinear(tensor([height, width], cells), [rows, columns], { antialias: false }).data;
      for (let j = 0; j < out.length; j++) out[j]! += mask[Math.floor(j / colours)]! * (image.data[j]! - out[j]!);
    },
  };
}
