import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { windowEnds } from '../../core/image/window.ts';
import { distance, norm } from '../../core/norm.ts';

/**
 * Whether the map depends on where the values of the image have their zero (Kindermans et al. 2019): ‖a′ − a‖ / ‖a‖,
 * where a′ is the map of the image with a constant added to all values, of the model whose first parameters take it off
 * again, so that all scores are the same. Baselines in Hounsfield units or grey levels move with the image; those that
 * are defined in input space, such as `zero-input`, stay where they are, and give their explainer away. On a linear
 * model with slopes w, gradient × input moves by the constant times ‖w‖. Detail: `shift`, the constant in input space.
 */
export const inputInvariance = defineMetric({
  name: 'input-invariance',
  title: 'Input invariance',
  summary: 'How far the map moves when a constant is added to the image and the model’s first parameters take it off.',
  cite: 'Kindermans et al., The (un)reliability of saliency methods, 2019, arXiv:1711.00867',
  category: 'axiomatic',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  undefinedWhen:
    'the first operators of the model have no parameters that could take a constant up, the explainer has no map of the ' +
    'moved image, or the image does not vary',
  criticism:
    'An explainer that ignores the model is invariant. A constant in Hounsfield units is no accident: that air is −1000 ' +
    'means something, so that an explainer may use it rightly.',
  criticismSource: 'Sundararajan et al. 2017, arXiv:1703.01365, on baselines that mean something; by algebra',
  needs: ['explain', 'weights'],
  options: z.strictObject({
    shift: z
      .number()
      .min(0.01)
      .max(10)
      .default(0.5)
      .describe('the constant as a share of the card’s window, rounded to a power of two in input space'),
  }),
  cost: (_, __, explanation) => ({ forward: explanation.forward, backward: explanation.backward, atMost: true }),
  async evaluate(context) {
    const { attribution, image, options } = context;
    const ends = windowEnds(context);
    if (ends === null) return undefinedBecause('the image does not vary, so that the window’s range is unknown');
    const range = Math.max(...ends.map(([low, high]) => Math.abs(high - low)));
    if (!(range > 0)) return undefinedBecause('the window has no width in input space');
    // A power of two: few models serve all images, and rounding stays away.
    const by = 2 ** Math.round(Math.log2(options.shift * range));
    const again = await context.explain({
      image: { shape: image.shape, data: image.data.map(v => v + by) },
      key: `all values ${by} greater`,
      variant: { kind: 'shifted', by },
      shift: by,
    });
    if (isUndefined(again)) return undefinedBecause(`the moved image has no map: ${again.undefined}`);
    const value = distance(again.map.data, attribution.data) / norm(attribution.data);
    if (!Number.isFinite(value)) return undefinedBecause('the map of the moved image has NaN or infinite values');
    return { value, details: { shift: by } };
  },
});
