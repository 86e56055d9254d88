import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { otsuThreshold } from '../../core/image/otsu.ts';
import { inside, locate } from './shared/ground-truth.ts';
import { overlapOf } from './shared/overlap.ts';

/**
 * Intersection over union of the mask and the part of the body where the positive part of the map exceeds Otsu's
 * threshold. By chance: what a random region of that size has. Details: `pixels` of the region, `threshold` as a share
 * of the largest value.
 */
export const iouOtsu = defineMetric({
  name: 'iou-otsu',
  title: 'IoU at Otsu’s threshold',
  summary: 'Overlap of the mask with the map above a threshold that the map itself suggests.',
  cite: 'Otsu, A threshold selection method from gray-level histograms, 1979, doi:10.1109/TSMC.1979.4310076',
  category: 'localisation',
  better: 'higher',
  range: [0, 1],
  chance: 'image',
  undefinedWhen: 'the map has no positive value or one only, or the mask is empty or as large as the body',
  criticism:
    'Plausibility, not faithfulness. The threshold decides as much as the map: explainers with blobs as large as lesions ' +
    'win. A threshold tuned on other patients, iou-tuned, treats explainers more alike (Saporta et al. 2022).',
  criticismSource: 'Jacovi & Goldberg 2020, arXiv:2004.03685; Saporta et al. 2022, doi:10.1038/s42256-022-00536-x',
  needs: ['mask'],
  async evaluate(context) {
    const located = locate(context);
    if (isUndefined(located)) return located;
    const positive = context.attribution.data.map(v => Math.max(0, v));
    const largest = positive.reduce((a, b) => Math.max(a, b));
    if (largest === 0) return undefinedBecause('the map has no positive value');
    const threshold = otsuThreshold(positive.filter((_, i) => inside(located.body.data[i]!)));
    if (threshold === null) return undefinedBecause('the positive part of the map is constant in the body');
    const { iou, chance, pixels } = overlapOf(located, i => positive[i]! > threshold);
    return { value: iou, chance, details: { pixels, threshold: threshold / largest } };
  },
});
