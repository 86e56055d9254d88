import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import type { Tensor } from '../core/tensor.ts';
import { camOptions, gradientCam, summedCells } from './shared/cam.ts';

/**
 * LayerCAM: ReLU(Σ_k g⁺ A) (Jiang et al. 2021, equations 7 and 8), made for earlier and finer layers too. Several layers
 * are fused as torch-cam does: tanh(2 · map scaled to 0…1), enlarged to the finest grid, the largest value of each pixel
 * (equation 9).
 *
 * Undefined where the map is zero everywhere, and where the model has no spatial layer.
 */
export const layerCam = defineExplainer({
  name: 'layer-cam',
  title: 'LayerCAM',
  summary: "A layer's activations times their positive gradients, cell by cell; of several layers, the largest.",
  advice: 'For finer CAMs from earlier layers, and for several layers at once.',
  cite: 'Jiang et al. 2021, doi:10.1109/TIP.2021.3089943',
  kind: 'ranking',
  requires: ['layers'],
  options: z.strictObject(camOptions),
  presets: {
    jacobgil: { options: { score: 'logit' } },
    'torch-cam': { options: { score: 'logit' } },
  },
  cost: () => ({ forward: 1, backward: 1 }),

  explain: context =>
    gradientCam(
      context,
      pair => ({ map: summedCells(pair, (gradient, activation) => Math.max(0, gradient) * activation) }),
      { scale: saturated, fuse: values => Math.max(...values) },
    ),
});

/** tanh(2 v) of a map scaled to 0…1. */
function saturated({ shape, data }: Tensor): Tensor {
  const low = data.reduce((a, b) => Math.min(a, b), Infinity);
  const range = data.reduce((a, b) => Math.max(a, b), -Infinity) - low;
  return { shape, data: data.map(v => (range > 0 ? Math.tanh((2 * (v - low)) / range) : 0)) };
}
