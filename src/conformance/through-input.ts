import type { Batch, FullClassifier } from '../core/contracts/index.ts';

/**
 * The model of images that are changed value by value: x ↦ f(change(x)). It has scores and gradients, no layers and no
 * backward rules.
 * @param slope d change / d value at index k of an image; default: 1
 */
export function throughInput(
  model: FullClassifier,
  change: (value: number, k: number) => number,
  slope: (k: number) => number = () => 1,
): FullClassifier {
  const changed = (batch: Batch): Batch => ({
    count: batch.count,
    write(i, out) {
      batch.write(i, out);
      for (let k = 0; k < out.length; k++) out[k] = change(out[k]!, k);
    },
  });
  return {
    ...model,
    capabilities: new Set(['gradients']),
    scores: (batch, options) => model.scores(changed(batch), options),
    score: (batch, target, options) => model.score(changed(batch), target, options),
    gradients: (batch, target, consume, options) =>
      model.gradients(
        changed(batch),
        target,
        (i, gradient, score, sums) => {
          consume(
            i,
            gradient.map((g, k) => g * slope(k)),
            score,
            sums,
          );
        },
        options,
      ),
    metered: meter => throughInput(model.metered(meter) as FullClassifier, change, slope),
  };
}
