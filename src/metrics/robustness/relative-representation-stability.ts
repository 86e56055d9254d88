import { imageBatch } from '../../core/batch.ts';
import { type AbleModel, isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { neighbourhoodOf, noiseCost } from './shared/neighbours.ts';
import { RELATIVE_PRESETS, relativeChange, relativeOptions, relativeStability } from './shared/relative.ts';

/**
 * The largest relative change of the map over the relative change of the layer that CAM methods read, ‖Δa‖ / ‖a‖ over
 * ‖Δh‖ / ‖h‖, over the noisy copies of `max-sensitivity` (after Agarwal et al. 2022, equation 3, who divide element by
 * element: the preset `agarwal`). Detail `mean`; others as for `max-sensitivity`.
 */
export const relativeRepresentationStability = defineMetric({
  name: 'relative-representation-stability',
  title: 'Relative representation stability',
  summary: 'The largest relative change of the map over the relative change of the model’s last spatial layer.',
  cite: 'Agarwal et al., Rethinking stability for attribution-based explanations, 2022, arXiv:2203.06877',
  category: 'robustness',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  undefinedWhen:
    'the model gives no activations or has no spatial layer, its layer is 0 everywhere, noise changes the prediction in every copy, or no copy has a map',
  criticism: 'A constant map is best. One layer stands for the model; another gives another order.',
  criticismSource: 'by algebra',
  needs: ['model', 'explain'],
  options: relativeOptions,
  presets: RELATIVE_PRESETS,
  checks: { options: { draws: 3 } },
  cost(options, _, explanation) {
    const { forward, ...rest } = noiseCost(options, explanation);
    return { ...rest, forward: forward + 1 + options.draws };
  },
  async evaluate(context) {
    const { image, signal, options } = context;
    const model = context.model as AbleModel;
    if (!model.capabilities.has('activations') || model.runtime.camLayer === undefined) {
      return undefinedBecause(
        model.runtime.limitations?.activations ?? 'the model gives no activations of a spatial layer here',
      );
    }
    const near = await neighbourhoodOf(context);
    if (isUndefined(near)) return near;
    const images = [image, ...near.neighbours.map(n => n.image)];
    const key = `activations of copies/${near.name}/${options.draws}/${context.target.class}/${images.length}`;
    const values = await context.memo(key, async () => {
      const [layer] = await model.activations(imageBatch(...images), [undefined], { signal });
      return layer!.activations;
    });
    const size = values.data.length / images.length;
    const of = (i: number) => values.data.subarray(i * size, (i + 1) * size);
    return relativeStability(context, near, (_, i) => relativeChange(of(0), of(i + 1), options.relative), 'layer');
  },
});
