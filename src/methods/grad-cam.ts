import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { resizeBilinear, resizeNearest } from '../core/image/resize.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';
import { scoreOption } from './shared/options.ts';

/**
 * Grad-CAM: ReLU(Σ_k α_k A_k) of a layer's activations A, α_k the mean over positions of ∂ score / ∂ A_k
 * (Selvaraju et al. 2017, equations 1 and 2), enlarged to the model's grid afterwards.
 *
 * Undefined where the map is zero everywhere, and where the model has no spatial layer.
 */
export const gradCam = defineExplainer({
  name: 'grad-cam',
  title: 'Grad-CAM',
  summary: "A layer's activations, weighted by their mean gradients: coarse, and one backward pass.",
  cite: 'Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74',
  kind: 'ranking',
  requires: ['layers'],
  options: z.strictObject({
    layer: z.string().optional().describe("the layer's tensor name; default: the model's CAM layer"),
    score: scoreOption('margin'),
    relu: z.boolean().default(true).describe('drop what speaks against the class'),
    interpolation: z.enum(['bilinear', 'nearest']).default('bilinear').describe('how the map is enlarged'),
  }),
  presets: {
    paper: { options: { score: 'logit' } },
    captum: { options: { score: 'logit', relu: false, interpolation: 'nearest' } },
  },
  cost: () => ({ forward: 1, backward: 1 }),

  async explain({ model, image, target, options, signal }) {
    if (options.layer === undefined && model.runtime.camLayer === undefined) {
      return undefinedBecause('the model has no spatial layer; name one with the option layer');
    }
    const { score } = options;
    const result = await model.layer(imageBatch(image), { class: target.class, score }, options.layer, { signal });
    const { layer, activations, gradients } = result;
    if (activations.shape.length !== 4) {
      return undefinedBecause(`layer '${layer}' is not spatial: its shape is [${activations.shape.join(', ')}]`);
    }
    const coarse = weightedActivations(activations, gradients, options.relu);
    if (coarse.data.every(v => v === 0)) {
      return undefinedBecause(`the map of layer '${layer}' is zero everywhere`);
    }
    const spatial = planar(model.input.spatial);
    const map =
      options.interpolation === 'nearest'
        ? resizeNearest(coarse, spatial)
        : resizeBilinear(coarse, spatial, { antialias: false });
    return { map, notes: { layer, grid: coarse.shape.join(' × ') } };
  },
});

/** Σ_k α_k A_k of the first image of [n, h, w, channels], without negatives if `relu`. */
function weightedActivations(activations: Tensor, gradients: Tensor, relu: boolean): Tensor {
  const [, height = 0, width = 0, channels = 0] = activations.shape;
  const area = height * width;
  const alpha = new Float64Array(channels);
  for (let i = 0; i < area * channels; i++) alpha[i % channels]! += gradients.data[i]! / area;
  const out = tensor([height, width]);
  for (let p = 0; p < area; p++) {
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += alpha[k]! * activations.data[p * channels + k]!;
    out.data[p] = relu ? Math.max(0, sum) : sum;
  }
  return out;
}
