import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { pearson } from '../../core/statistics/correlation.ts';
import { tensor } from '../../core/tensor.ts';

/**
 * The correlation of the map with the map of the image seen through it, x ã + b (1 − ã), ã the map from 0 at its smallest
 * to 1 at its largest (Poppi et al. 2021, equation 3, coherency in ADCC, there as (1 + ρ) / 2).
 */
export const coherence = defineMetric({
  name: 'coherence',
  title: 'Coherence',
  summary: 'How like the map is to the map of the image as seen through it.',
  cite: 'Poppi et al., Revisiting the evaluation of class activation mapping for explainability, CVPRW 2021, arXiv:2104.10252',
  category: 'robustness',
  better: 'higher',
  range: [-1, 1],
  undefinedWhen: 'the image equals its baseline, or the image seen through the map has no map, or a constant one',
  criticism:
    'An explainer that ignores the image is perfectly coherent. In ADCC it is averaged with mean level and average drop, ' +
    'which reward empty and flat maps.',
  criticismSource: 'by algebra; Poppi et al. 2021, arXiv:2104.10252, for ADCC',
  needs: ['explain'],
  baseline: 'air',
  cost: (_, __, explanation) => explanation,
  async evaluate(context) {
    const { attribution, image, baseline } = context;
    const low = attribution.data.reduce((a, b) => Math.min(a, b));
    const range = attribution.data.reduce((a, b) => Math.max(a, b)) - low;
    const channels = image.shape.at(-1)!;
    const seen = tensor(
      image.shape,
      image.data.map((v, k) => {
        const share = (attribution.data[Math.floor(k / channels)]! - low) / range;
        return share * v + (1 - share) * baseline.data[k]!;
      }),
    );
    if (seen.data.every((v, k) => v === image.data[k])) {
      return undefinedBecause('the image is the same as seen through the map: it equals its baseline');
    }
    const again = await context.explain({ image: seen, key: `seen through the map, ${fingerprint(baseline)}` });
    if (isUndefined(again)) return undefinedBecause(`the image seen through the map has no map: ${again.undefined}`);
    const value = pearson([...attribution.data], [...again.map.data]);
    return value === null ? undefinedBecause('the image seen through the map has a constant map') : { value };
  },
});
