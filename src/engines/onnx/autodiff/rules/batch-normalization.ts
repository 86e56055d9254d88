import { DType, numbersOf, read } from '../../graph.ts';
import { defineRule } from '../rule.ts';

/**
 * Inference: y = γ(x − μ)/√(σ² + ε) + β per channel, so g·γ/√(σ² + ε).
 * Written as a product with a constant [c, 1, …], which the optimiser folds into neighbouring convolutions.
 */
export const batchNormalization = defineRule('BatchNormalization', site => {
  const { e, node } = site;
  if (read.int(node, 'training_mode', 0) !== 0) site.fail('it is in training mode');
  const epsilon = read.float(node, 'epsilon', 1e-5);
  return [
    () => {
      const spatial = site.rank(site.x()) - 2;
      const gamma = site.value(1);
      const variance = site.value(4);
      if (gamma && variance && gamma.dtype !== DType.float16) {
        const sigma2 = numbersOf(variance);
        const scale = numbersOf(gamma).map((v, c) => v / Math.sqrt(sigma2[c]! + epsilon));
        return e.mul(site.g, e.constant([scale.length, ...new Array<number>(spatial).fill(1)], scale));
      }
      const scale = e.div(site.x(1), e.sqrt(e.add(site.x(4), epsilon)));
      return e.mul(
        site.g,
        e.unsqueeze(
          scale,
          Array.from({ length: spatial }, (_, i) => i + 1),
        ),
      );
    },
  ];
});
