import { DType, numbersOf, read } from '../../graph/graph.ts';
import { defineRule, type InputGradient } from '../rule.ts';
import type { Site } from '../site.ts';

/**
 * Inference: y = γ(x − μ)/√(σ² + ε) + β per channel, so g·γ/√(σ² + ε).
 * Written as a product with a constant [c, 1, …], which the optimiser folds into neighbouring convolutions.
 */
export const batchNormalization = defineRule('BatchNormalization', site => {
  const { e, node } = site;
  const epsilon = read.float(node, 'epsilon', 1e-5);
  if (read.int(node, 'training_mode', 0) !== 0) return training(site, epsilon);
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

/**
 * Training: μ and σ² are the batch's own, over all but the channels, given out by a node with momentum 0. With
 * x̂ = (x − μ)/√(σ² + ε): gβ = Σ g, gγ = Σ g·x̂, gx = γ/√(σ² + ε) · (g − mean g − x̂ · mean(g·x̂)), written as
 * a·g + b·x + c with one a, b and c per channel (Ioffe and Szegedy 2015).
 */
function training(site: Site, epsilon: number): readonly InputGradient[] {
  const { e, g } = site;
  if (read.float(site.node, 'momentum', 0.9) !== 0) site.fail('in training mode it must have momentum 0');
  const rank = site.rank(site.x());
  const others = Array.from({ length: rank }, (_, i) => i).filter(i => i !== 1);
  const spatial = others.filter(i => i > 0).map(i => i - 1);
  const wide = (v: string) => e.unsqueeze(v, spatial);
  const mean = site.output(1);
  const inverse = e.div(1, e.sqrt(e.add(site.output(2), epsilon)));
  const sumG = e.sum(g, others, false);
  const sumGX = e.sum(e.mul(g, site.x()), others, false);
  const scaleGradient = e.mul(inverse, e.sub(sumGX, e.mul(mean, sumG)));
  return [
    () => {
      const count = e.div(e.cast(e.op('Size', [site.x()])), e.cast(e.op('Size', [mean])));
      const a = e.mul(site.x(1), inverse);
      const b = e.neg(e.div(e.mul(e.mul(a, inverse), scaleGradient), count));
      const c = e.neg(e.add(e.div(e.mul(a, sumG), count), e.mul(b, mean)));
      return e.add(e.add(e.mul(g, wide(a)), e.mul(site.x(), wide(b))), wide(c));
    },
    () => scaleGradient,
    () => sumG,
  ];
}
