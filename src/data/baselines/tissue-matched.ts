import type { Baseline } from '../../core/contracts/index.ts';
import { localMedian } from '../../core/image/local-median.ts';
import { lungMask } from '../../core/image/lungs.ts';
import { sidesOf } from '../../core/image/sides.ts';
import { tensor } from '../../core/tensor.ts';
import { requireHu } from './shared/constant-hu.ts';

const LUNG_HU = -850;
const RADIUS_MM = 10;

/**
 * What each pixel would be without a finding: −850 HU inside the lungs, elsewhere in the body the median of the body
 * within 10 mm that is not lung; air around the body stays. Lungs are found by threshold and morphology (`lungMask`), so
 * that a large consolidation at the pleura, or an effusion, counts as soft tissue and stays. Raw space.
 */
export const tissueMatched: Baseline = {
  name: 'tissue-matched',
  title: 'Tissue-matched fill',
  summary: '−850 HU inside the lungs, elsewhere in the body the median within 10 mm; for Hounsfield units only.',
  space: 'raw',
  family: 'tissue',
  make(image, { card, spacing, bodyMask }) {
    requireHu(card);
    const [h, w, channels = 1] = image.shape as [number, number, number?];
    const sides = sidesOf(image, spacing);
    const body = bodyMask();
    const out = tensor(image.shape, image.data.slice());
    for (let c = 0; c < channels; c++) {
      const plane = tensor(
        [h, w],
        Float32Array.from({ length: h * w }, (_, i) => image.data[i * channels + c]!),
      );
      const lungs = lungMask(plane, sides);
      const rest = tensor(
        [h, w],
        body.data.map((v, i) => (v >= 0.5 && !lungs.data[i] ? 1 : 0)),
      );
      const medians = localMedian(plane, rest, [RADIUS_MM / sides[0], RADIUS_MM / sides[1]]);
      for (let i = 0; i < h * w; i++) {
        if (lungs.data[i]) out.data[i * channels + c] = LUNG_HU;
        else if (rest.data[i]) out.data[i * channels + c] = medians.data[i]!;
      }
    }
    return out;
  },
};
