import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { tensor } from '../core/tensor.ts';

/** |image − baseline|, channels summed: what stands out from the baseline, to any model. */
export const huContrast = defineExplainer({
  name: 'hu-contrast',
  title: 'HU contrast',
  summary: 'Control: how far the image is from the baseline, pixel by pixel, which no model has seen.',
  advice: 'A control: what showing bright tissue scores, without any model.',
  cite: 'This project',
  kind: 'ranking',
  role: 'control',
  baseline: 'air',
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, image, baseline }) {
    const { spatial } = model.input;
    const channels = image.shape.at(-1)!;
    const map = tensor(spatial);
    image.data.forEach((v, i) => {
      map.data[Math.floor(i / channels)]! += Math.abs(v - baseline.data[i]!);
    });
    return map.data.some(v => v !== 0) ? { map } : undefinedBecause('the image is the baseline');
  },
});
