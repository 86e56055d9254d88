import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { columnOf, tensor } from '../core/tensor.ts';
import { activationCam, camOptions, type LayerGrid } from './shared/cam.ts';
import { cellsCost } from './shared/layers.ts';

/**
 * Recipro-CAM: each cell of a layer shows the score of the network run on with the activations of that cell only
 * (Byun and Lee 2022), or of a 3 × 3 neighbourhood weighted by a Gaussian around it, as the paper has it. Signed.
 *
 * Undefined where the map is zero everywhere, and where the model has no spatial layer.
 */
export const reciproCam = defineExplainer({
  name: 'recipro-cam',
  title: 'Recipro-CAM',
  summary: 'The score with the activations of one cell of a layer only, cell by cell; no gradients.',
  advice: 'For networks without usable gradients that run on from a layer: a pass for every cell of the layer.',
  cite: 'Byun and Lee 2022, arXiv:2209.14074',
  kind: 'ranking',
  requires: ['continuation'],
  options: z.strictObject({
    ...camOptions,
    mask: z.enum(['cell', 'gaussian']).default('cell').describe('what is kept: one cell, or 3 × 3 weighted cells'),
  }),
  presets: {
    openvino: { options: { score: 'logit' } },
    paper: { options: { score: 'logit', mask: 'gaussian' } },
  },
  cost: ({ layer }, model) => cellsCost(model, layer, 1),

  explain: context => {
    const { model, image, target, options, signal } = context;
    return activationCam(
      context,
      async grid => {
        const { layer, height, width } = grid;
        const kernel = options.mask === 'cell' ? CELL : GAUSSIAN;
        const batch = { count: height * width, write: (i: number, out: Float32Array) => keep(grid, i, kernel, out) };
        const scores = await model.continueFrom(layer, batch, { as: options.score, image, signal });
        return { map: tensor([height, width], columnOf(scores, target.class)) };
      },
      { relu: false },
    );
  },
});

/** Weights of a cell's neighbours, row by row. */
const CELL = [0, 0, 0, 0, 1, 0, 0, 0, 0];
const GAUSSIAN = [1, 2, 1, 2, 4, 2, 1, 2, 1].map(w => w / 16);

/** The activations around one cell, weighted; 0 elsewhere. */
function keep(grid: LayerGrid, cell: number, kernel: readonly number[], out: Float32Array): void {
  const { height, width, channels, activations } = grid;
  const [row, column] = [Math.floor(cell / width), cell % width];
  out.fill(0);
  for (const [n, weight] of kernel.entries()) {
    const [y, x] = [row + Math.floor(n / 3) - 1, column + (n % 3) - 1];
    if (weight === 0 || y < 0 || y >= height || x < 0 || x >= width) continue;
    const from = (y * width + x) * channels;
    for (let j = from; j < from + channels; j++) out[j] = weight * activations[j]!;
  }
}
