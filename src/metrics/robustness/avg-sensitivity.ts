import { z } from 'zod';
import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { changesOf } from './shared/changes.ts';
import { detailsOf, neighbourhoodOf, noiseCost, noiseOptions } from './shared/neighbours.ts';

/**
 * The mean relative change ‖a(x + δ) − a(x)‖ / ‖a(x)‖ of the map over the noisy copies of `max-sensitivity`, which it
 * shares with it. The error is the standard error over two copies or more; other details as there.
 */
export const avgSensitivity = defineMetric({
  name: 'avg-sensitivity',
  title: 'Average sensitivity',
  summary: 'The mean relative change of the map when the image gets as much noise again as it has.',
  cite: 'Yeh et al. 2019, arXiv:1901.09392; Bhatt, Weller & Moura, IJCAI 2020, arXiv:2005.00631',
  category: 'robustness',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  undefinedWhen: 'noise changes the prediction in every copy, or no copy has a map',
  criticism: 'Constant and model-independent maps are the most robust: says nothing of being right.',
  criticismSource: 'Yeh et al. 2019, arXiv:1901.09392',
  needs: ['model', 'explain'],
  options: z.strictObject(noiseOptions),
  presets: { quantus: { options: { noise: 'uniform', radius: 0.2, draws: 200 } } },
  checks: { options: { draws: 3 } },
  cost: (options, _, explanation) => noiseCost(options, explanation),
  async evaluate(context) {
    const near = await neighbourhoodOf(context);
    if (isUndefined(near)) return near;
    const { mean, error, largest } = changesOf(context.attribution, near);
    return { value: mean, ...(error === undefined ? {} : { error }), details: { ...detailsOf(near), largest } };
  },
});
