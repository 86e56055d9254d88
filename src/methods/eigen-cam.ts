import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { firstComponent } from '../core/linear/first-component.ts';
import { tensor } from '../core/tensor.ts';
import { activationCam } from './shared/cam.ts';
import { layerOption } from './shared/layers.ts';

/**
 * Eigen-CAM: ReLU of the first principal component of a layer's activations, whose positions are the observations
 * (Muhammad and Yeasin 2020). Its sign is free; here the larger extreme is positive. It knows nothing of the class.
 *
 * Undefined where all positions are alike, where the first two components are of one size, and where the model has no
 * spatial layer.
 */
export const eigenCam = defineExplainer({
  name: 'eigen-cam',
  title: 'Eigen-CAM',
  summary: "The first principal component of a layer's activations: the same map for every class.",
  advice: 'For seeing what stands out in a layer; it does not know the class, so it explains no prediction.',
  cite: 'Muhammad and Yeasin 2020, arXiv:2008.00299',
  kind: 'ranking',
  ties: 'zeros',
  classBlind: true,
  requires: ['activations'],
  options: z.strictObject({ layer: layerOption }),
  cost: () => ({ forward: 1, backward: 0 }),

  explain: context =>
    activationCam(context, async ({ layer, height, width, channels, activations }) => {
      const found = firstComponent(activations, channels);
      if (typeof found === 'string') return undefinedBecause(`of layer '${layer}', ${found}`);
      const { scores, share } = found;
      const [low, high] = [scores.reduce((a, b) => Math.min(a, b)), scores.reduce((a, b) => Math.max(a, b))];
      const sign = -low > high ? -1 : 1;
      return {
        map: tensor(
          [height, width],
          Float32Array.from(scores, v => sign * v),
        ),
        diagnostics: { explainedVariance: share },
      };
    }),
});
