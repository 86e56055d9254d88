import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { sizeOf, tensor } from '../core/tensor.ts';
import { blurOption, blurredBy } from './shared/blur.ts';

/** Uniform noise in [0, 1), pixel by pixel: a map that knows nothing. */
export const random = defineExplainer({
  name: 'random',
  title: 'Random',
  summary: 'Control: uniform noise. A metric that does not rank it near chance is not to be trusted.',
  advice: 'A control: what a map that knows nothing scores.',
  cite: 'Tomsett et al. 2020, doi:10.1609/aaai.v34i04.6064',
  kind: 'ranking',
  draws: true,
  role: 'control',
  dimensions: [2, 3],
  options: z.strictObject({ blur: blurOption }),
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, rng, options: { blur } }) {
    const { spatial } = model.input;
    const map = tensor(
      spatial,
      Float32Array.from({ length: sizeOf(spatial) }, () => rng.next()),
    );
    return blurredBy(map, blur);
  },
});
