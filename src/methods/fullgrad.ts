import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { resizeBilinear } from '../core/image/resize.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';
import { completeness } from './shared/completeness.ts';
import { scoreOption } from './shared/options.ts';

/**
 * FullGrad: |Σ_c x ∂s/∂x| of the image, plus Σ_c |b ∂s/∂z| of every bias b that is added to a layer z, enlarged
 * (Srinivas and Fleuret 2019, equation 7). What batch normalisation adds, β − μγ/σ, is a bias; biases without pixels
 * (dense layers, tokens) have no place on the map and are summed in `denseBiases`.
 *
 * With their signs all terms sum to a logit where the network is made of linear layers, rectifiers and pooling;
 * `signedSum` is that sum, and `completenessGap` its distance from the score. SiLU, GELU, softmax and the log-odds of
 * more than two classes are curved, and leave a gap. Undefined where all terms are zero.
 */
export const fullgrad = defineExplainer({
  name: 'fullgrad',
  title: 'FullGrad',
  summary: 'Image times gradient, plus what the bias of every layer contributes at each place.',
  advice:
    'For networks of linear layers and rectifiers, where its terms sum to the logit; it shows size, not direction.',
  cite: 'Srinivas and Fleuret 2019, arXiv:1905.00780',
  kind: 'ranking',
  requires: ['bias-gradients'],
  options: z.strictObject({ score: scoreOption('margin') }),
  presets: { paper: { options: { score: 'logit' } } },
  cost: () => ({ forward: 1, backward: 1 }),

  async explain({ model, image, target, options, signal }) {
    const spatial = planar(model.input.spatial);
    const map = tensor(spatial);
    const add = (part: Tensor) => {
      for (let p = 0; p < map.data.length; p++) map.data[p]! += part.data[p]!;
    };
    const asked = { class: target.class, score: options.score };
    let [score, signedSum, denseBiases] = [0, 0, 0];
    await model.biasGradients(
      imageBatch(image),
      asked,
      (_, gradient, given, terms) => {
        score = given;
        const products = { shape: image.shape, data: image.data.map((v, i) => v * gradient[i]!) };
        signedSum = sum(products.data);
        add(channelSizes(products));
        for (const { value, spatial: hasPixels } of terms) {
          const total = sum(value.data);
          signedSum += total;
          if (!hasPixels) denseBiases += total;
          else add(resizeBilinear(channelSizes(value), spatial, { antialias: false }));
        }
      },
      { signal },
    );
    if (map.data.every(v => v === 0)) return undefinedBecause('the gradient is zero at the image and at all biases');
    const gaps = completeness(tensor([1], Float32Array.of(signedSum)), score);
    return { map, diagnostics: { signedSum, denseBiases, ...gaps } };
  },
});

/** [h, w, channels] → [h, w]: the sum of absolute values over channels. */
function channelSizes({ shape, data }: Tensor): Tensor {
  const channels = shape.at(-1)!;
  const sizes = tensor(shape.slice(0, -1));
  for (let i = 0; i < data.length; i++) sizes.data[Math.floor(i / channels)]! += Math.abs(data[i]!);
  return sizes;
}

function sum(values: Float32Array): number {
  return values.reduce((total, v) => total + v, 0);
}
