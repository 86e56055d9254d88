import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import type { Tensor } from '../core/tensor.ts';
import { camOptions, gradientCam, summedCells } from './shared/cam.ts';

/**
 * HiResCAM: Σ_k g ⊙ A, signed, without ReLU (Draelos and Carin 2020, section 3.2). On a layer that only pooling and one
 * dense layer follow, the values on the layer's grid sum to the score less its bias; `layerSum` reports that sum.
 *
 * In front of a layer normalisation the channels of a cell cancel, since its scale makes no difference to the score; what is
 * left is near rounding, and a note says so.
 *
 * Undefined where the map is zero everywhere, and where the model has no spatial layer.
 */
export const hiresCam = defineExplainer({
  name: 'hires-cam',
  title: 'HiResCAM',
  summary: "A layer's activations times their gradients, cell by cell: what the layer's cells add to the score.",
  advice:
    'For those who want a CAM that shows only places that the layer used for the class; for a network with one dense layer after pooling it is exact.',
  cite: 'Draelos and Carin 2020, arXiv:2011.08891',
  kind: 'ranking',
  requires: ['layers'],
  options: z.strictObject({
    ...camOptions,
    relu: z
      .enum(['none', 'sum', 'each'])
      .default('none')
      .describe('drop what speaks against the class: nowhere, in the sum over channels, or channel by channel'),
  }),
  presets: {
    paper: { options: { score: 'logit' } },
    jacobgil: { options: { score: 'logit', relu: 'sum' } },
  },
  cost: () => ({ forward: 1, backward: 1 }),

  explain: context => {
    const { relu } = context.options;
    const product = (gradient: number, activation: number) =>
      relu === 'each' ? Math.max(0, gradient * activation) : gradient * activation;
    return gradientCam(
      context,
      pair => {
        const map = summedCells(pair, product);
        const left = norm(map) / norm(summedCells(pair, (gradient, activation) => Math.abs(gradient * activation)));
        return {
          map,
          diagnostics: { layerSum: map.data.reduce((a, b) => a + b, 0) },
          ...(left < CANCELLED ? { notes: { cancellation: cancelled(left) } } : {}),
        };
      },
      { relu: relu === 'sum' },
    );
  },
});

/** Sums that are left with a smaller share of their terms' sizes are near float32's rounding. */
const CANCELLED = 1e-4;

const cancelled = (left: number) =>
  `the channels cancel to ${left.toPrecision(1)} of their sizes, as in front of a layer normalisation: the map is near ` +
  'rounding; choose a layer behind it';

const norm = ({ data }: Tensor) => Math.sqrt(data.reduce((sum, v) => sum + v * v, 0));
