import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineGroupMetric } from '../../core/define.ts';
import { locate } from './shared/ground-truth.ts';
import { overlapOf } from './shared/overlap.ts';

/** Thresholds tried, as shares of the largest value. */
const THRESHOLDS = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);

/**
 * Intersection over union of mask and map above a threshold that is tuned on the other patients: for each patient, the
 * share of the largest value (5 % … 95 %) that gives the best mean overlap over all others (after Saporta et al. 2022,
 * who tune it on a validation set). The mean over patients; by chance, what random regions of the same sizes have.
 * Details: `threshold`, the mean of the thresholds; `maps`.
 */
export const iouTuned = defineGroupMetric({
  name: 'iou-tuned',
  title: 'IoU at a tuned threshold',
  summary: 'Overlap of mask and map above a threshold that is tuned on the other patients.',
  cite: 'Saporta et al., Benchmarking saliency methods for chest X-ray interpretation, Nature MI 2022, doi:10.1038/s42256-022-00536-x',
  category: 'localisation',
  better: 'higher',
  range: [0, 1],
  chance: 'image',
  undefinedWhen: 'fewer than two patients have a mask and a map with positive values',
  criticism:
    'Plausibility, not faithfulness. Overlap is unkind to small lesions, where one pixel more or less decides, and to ' +
    'coarse maps.',
  criticismSource: 'Jacovi & Goldberg 2020, arXiv:2004.03685; Reinke et al. 2024, doi:10.1038/s41592-023-02150-0',
  needs: ['mask'],
  async collect(context) {
    const located = locate(context);
    if (isUndefined(located)) return located;
    const { data } = context.attribution;
    const largest = data.reduce((a, b) => Math.max(a, b));
    if (!(largest > 0)) return undefinedBecause('the map has no positive value');
    const overlaps = THRESHOLDS.map(t => overlapOf(located, i => data[i]! > t * largest));
    return { iou: overlaps.map(o => o.iou), chance: overlaps.map(o => o.chance) };
  },
  combine(items) {
    const patients = [...new Set(items.map(i => i.patient))];
    if (patients.length < 2) return undefinedBecause('there are no maps of two patients to tune the threshold on');
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    const meansOf = (patient: string, what: 'iou' | 'chance') => {
      const own = items.filter(i => i.patient === patient);
      return THRESHOLDS.map((_, t) => mean(own.map(i => i.item[what][t]!)));
    };
    const iou = patients.map(p => meansOf(p, 'iou'));
    const chance = patients.map(p => meansOf(p, 'chance'));
    const best = patients.map((_, p) => {
      const others = THRESHOLDS.map((_, t) => mean(iou.filter((_, other) => other !== p).map(values => values[t]!)));
      return others.indexOf(Math.max(...others));
    });
    return {
      value: mean(best.map((t, p) => iou[p]![t]!)),
      chance: mean(best.map((t, p) => chance[p]![t]!)),
      details: { threshold: mean(best.map(t => THRESHOLDS[t]!)), maps: items.length },
    };
  },
});
