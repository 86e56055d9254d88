import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { segmentPixels } from '../core/image/segmentation.ts';
import { scoreOption } from './shared/options.ts';
import { expectedSegments, segmentLimit, segmentOptions, sharedSegments } from './shared/segments.ts';
import { segmentMap, switchedBatch } from './shared/switched.ts';

/**
 * Segment ablation: f(x) − f(x with the segment switched off), for each segment alone. Captum's FeatureAblation on a
 * segmentation. Undefined with fewer than two segments.
 */
export const segmentAblation = defineExplainer({
  name: 'segment-ablation',
  title: 'Segment ablation',
  summary: 'How much the score falls when one segment is switched off.',
  advice: 'For any classifier, with segments in the place of windows; one pass for each segment.',
  cite: 'Kokhlikyan et al. 2020, arXiv:2009.07896',
  kind: 'regional',
  baseline: 'air',
  options: z.strictObject({
    ...segmentOptions,
    segments: segmentOptions.segments.default(50),
    score: scoreOption('margin'),
  }),
  presets: { captum: { options: { score: 'logit' }, baseline: 'zero-input' } },
  checks: { options: { segments: 12, kernelSize: 1 } },
  cost: (o, { spatial }) => ({
    ...{ forward: 1 + segmentLimit(o, spatial), backward: 0, atMost: true },
    expected: { forward: 1 + expectedSegments(o, spatial), backward: 0 },
  }),

  async explain(context) {
    const { model, target, options: o, signal } = context;
    const segmentation = await sharedSegments(context, o);
    const { count, labels } = segmentation;
    if (count < 2) return undefinedBecause(`the image has one segment only (${o.segmentation})`);
    // Row 0 has all segments on, row s + 1 all but s.
    const design = new Uint8Array((count + 1) * count).fill(1);
    for (let s = 0; s < count; s++) design[(s + 1) * count + s] = 0;
    const batch = switchedBatch(context, segmentPixels(segmentation), design);
    const scores = await model.score(batch, { class: target.class, score: o.score }, { signal });
    const drops = Float64Array.from({ length: count }, (_, s) => scores[0]! - scores[s + 1]!);
    return { map: segmentMap(segmentation, drops), regions: labels, diagnostics: { segments: count } };
  },
});
