import { z } from 'zod';
import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { changesOf } from './shared/changes.ts';
import { detailsOf, neighbourhoodOf, noiseCost, noiseOptions } from './shared/neighbours.ts';

/**
 * The largest relative change ‖a(x + δ) − a(x)‖ / ‖a(x)‖ of the map over noisy copies of the image (Yeh et al. 2019,
 * definition 2, relative as in Captum); δ is noise as strong as the image's own. Copies that change whether the class
 * explained is the one predicted are left out. Grows with the number of draws: compare equal numbers only.
 * Details: `mean` over the copies, `copies` explained, `flippedShare`, `missingShare`, `strength` of the noise.
 */
export const maxSensitivity = defineMetric({
  name: 'max-sensitivity',
  title: 'Max-sensitivity',
  summary: 'The largest relative change of the map when the image gets as much noise again as it has.',
  cite: 'Yeh et al., On the (in)fidelity and sensitivity of explanations, NeurIPS 2019, arXiv:1901.09392',
  category: 'robustness',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  undefinedWhen: 'noise changes the prediction in every copy, or no copy has a map',
  criticism:
    'Constant and model-independent maps are the most robust: says nothing of being right. The largest of n draws grows ' +
    'with n. Captum and Quantus add noise far above or below that of CT (uniform ± 0.02 and ± 0.2 in input space).',
  criticismSource: 'Yeh et al. 2019, arXiv:1901.09392; the code of Captum 0.9.0 and Quantus 0.6.0',
  needs: ['model', 'explain'],
  options: z.strictObject(noiseOptions),
  presets: {
    captum: { options: { noise: 'uniform', radius: 0.02 } },
    quantus: { options: { noise: 'uniform', radius: 0.2, draws: 200 } },
  },
  checks: { options: { draws: 3 } },
  cost: (options, _, explanation) => noiseCost(options, explanation),
  async evaluate(context) {
    const near = await neighbourhoodOf(context);
    if (isUndefined(near)) return near;
    const { largest, mean } = changesOf(context.attribution, near);
    return { value: largest, details: { ...detailsOf(near), mean } };
  },
});
