import { defineExplainer } from '../core/define.ts';
import { tensor } from '../core/tensor.ts';

/** Uniform noise in [0, 1), pixel by pixel: a map that knows nothing. */
export const random = defineExplainer({
  name: 'random',
  title: 'Random',
  summary: 'Control: uniform noise. A metric that does not rank it near chance is not to be trusted.',
  cite: 'Tomsett et al. 2020, doi:10.1609/aaai.v34i04.6064',
  kind: 'ranking',
  role: 'control',
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, rng }) {
    const [height, width] = model.input.spatial;
    return {
      map: tensor(
        [height, width],
        Float32Array.from({ length: height * width }, () => rng.next()),
      ),
    };
  },
});
