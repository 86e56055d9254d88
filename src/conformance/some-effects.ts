import type { Effects } from '../core/contracts/index.ts';
import { tensor } from '../core/tensor.ts';

/** Effects for checks: a cause, a factor against the class, one that is as visible and idle, and a placebo, all apart. */
export function someEffects(height: number, width: number): Effects {
  const region = (rows: number, top: number, left: number) =>
    tensor(
      [height, width],
      Float32Array.from({ length: height * width }, (_, i) =>
        within((Math.floor(i / width) % 9) - top, rows) && within((i % 11) - left, 3) ? 1 : 0,
      ),
    );
  const within = (at: number, length: number) => at >= 0 && at < length;
  const factor = (name: string, role: string, effect: number, ...[rows, top, left]: [number, number, number]) => ({
    ...{ name, role, effect, change: 100 },
    region: region(rows, top, left),
  });
  return {
    factors: [
      factor('lesion-1', 'lesion', 1.5, 4, 0, 0),
      factor('letter', 'confounder', -0.5, 2, 0, 4),
      factor('distractor-1', 'distractor', 0.02, 3, 5, 0),
      factor('none', 'placebo', 0, 1, 0, 8),
    ],
    threshold: 0.1,
    ...{ interaction: 0, interactionIndex: 0, background: 0, covered: 1 },
  };
}
