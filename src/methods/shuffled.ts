import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { sameShape, tensor } from '../core/tensor.ts';
import { blurOption, blurredBy } from './shared/blur.ts';

/**
 * A method's own map of another patient: as smooth as the method's maps are, and about something else.
 * Undefined where there is no other patient, or that map is undefined.
 */
export const shuffled = defineExplainer({
  name: 'shuffled',
  title: 'Shuffled',
  summary: "Control: the method's map of another patient. What it scores is owed to the look of maps alone.",
  advice: 'A control: what an explainer’s own map of another patient scores.',
  cite: 'after Arun et al. 2021, doi:10.1148/ryai.2021200267',
  kind: 'ranking',
  role: 'control',
  needs: ['donor'],
  dimensions: [2, 3],
  options: z.strictObject({ blur: blurOption }),
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, donor, options: { blur } }) {
    if (!donor) return undefinedBecause('there is no map of another patient');
    const { spatial } = model.input;
    if (!sameShape(donor.shape, spatial)) {
      const [theirs, ours] = [donor.shape.join(' × '), spatial.join(' × ')];
      return undefinedBecause(`the other patient's map is ${theirs}, not ${ours}`);
    }
    return blurredBy(tensor(donor.shape, donor.data.slice()), blur);
  },
});
