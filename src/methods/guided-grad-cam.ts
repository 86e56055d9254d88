import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { channelSum } from '../core/image/channels.ts';
import { backwardPass } from './shared/backward-pass.ts';
import { camOptions, gradientCam, interpolationOption, meanGradientMap } from './shared/cam.ts';

const GUIDED = { name: 'guided-backprop' };

/**
 * Guided Grad-CAM: guided backpropagation, channels summed, times Grad-CAM with its ReLU, enlarged to the model's grid
 * (Selvaraju et al. 2017, section 3.2): the detail of the one where the other finds the class.
 *
 * Undefined where either is.
 */
export const guidedGradCam = defineExplainer({
  name: 'guided-grad-cam',
  title: 'Guided Grad-CAM',
  summary: 'Guided backpropagation where Grad-CAM finds the class.',
  advice:
    'For comparison with older work; its detail comes from guided backpropagation, which hardly depends on the class.',
  cite: 'Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74',
  kind: 'ranking',
  requires: ['layers', 'backward-rules'],
  rules: GUIDED,
  options: z.strictObject({
    ...camOptions,
    interpolation: interpolationOption,
  }),
  presets: {
    paper: { options: { score: 'logit' } },
    captum: { options: { score: 'logit', interpolation: 'nearest-corner' } },
  },
  cost: () => ({ forward: 2, backward: 2 }),

  async explain(context) {
    const cam = await gradientCam(context, meanGradientMap, context.options);
    if (isUndefined(cam)) return cam;
    const { values, notes } = await backwardPass(context, context.options.score, GUIDED);
    const guided = channelSum(values);
    const map = { shape: guided.shape, data: guided.data.map((v, i) => v * cam.map.data[i]!) };
    if (map.data.every(v => v === 0)) return undefinedBecause('the two maps nowhere overlap');
    return { map, notes: { ...cam.notes, ...notes } };
  },
});
