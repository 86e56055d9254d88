import { z } from 'zod';
import type { Batch } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';
import { scoreOption } from './shared/options.ts';

const options = z
  .strictObject({
    window: z.int().min(1).default(16).describe('side of the square that is hidden, pixels'),
    stride: z.int().min(1).default(8).describe('pixels between windows; at most the window'),
    border: z
      .enum(['shift', 'clip'])
      .default('shift')
      .describe('a last window that does not fit is moved inwards, or cut off at the edge'),
    score: scoreOption('margin'),
  })
  .refine(o => o.stride <= o.window, {
    path: ['stride'],
    error: 'stride must be at most window: pixels would be missed',
  });

/**
 * Occlusion: the mean, over the windows W that cover a pixel, of f(x) − f(x with the baseline in W)
 * (Zeiler & Fergus 2014, section 4.2). A window's value is a score difference, but pixels do not sum to one.
 *
 * A window larger than the image covers it all; the map is then constant.
 */
export const occlusion = defineExplainer({
  name: 'occlusion',
  title: 'Occlusion',
  summary: 'How much the score falls when a sliding window shows the baseline.',
  advice:
    'For any classifier, as the plainest question: what happens when this part is hidden. Choose the window as large as the finding.',
  cite: 'Zeiler & Fergus 2014, doi:10.1007/978-3-319-10590-1_53',
  kind: 'regional',
  // Where windows overlap, the pixels of one value are few.
  ties: o => (o.stride < o.window ? 'none' : 'regions'),
  baseline: 'air',
  options,
  presets: {
    captum: { options: { score: 'logit', border: 'clip' }, baseline: 'zero-input' },
  },
  cost(o, { spatial }) {
    const [height, width] = planar(spatial);
    return { forward: 1 + spans(height, o).length * spans(width, o).length, backward: 0 };
  },
  /** Smaller windows, closer together; their overlap stays. */
  spend(passes, o, { spatial }) {
    const [height, width] = planar(spatial);
    let [best, most] = [undefined as typeof o | undefined, 0];
    for (let stride = 1; stride <= Math.max(height, width); stride++) {
      const finer = { ...o, stride, window: Math.max(stride, Math.round((stride * o.window) / o.stride)) };
      const windows = spans(height, finer).length * spans(width, finer).length;
      if (1 + windows <= passes && windows > most) [best, most] = [finer, windows];
    }
    // With fewer than two windows along each side there is nothing to compare.
    return most < 4 ? undefined : best;
  },

  async explain({ model, image, baseline, target, options: o, signal }) {
    const [height, width] = planar(model.input.spatial);
    const windows = spans(height, o).flatMap(y => spans(width, o).map(x => ({ y, x })));
    const scores = await model.scores(occludedBatch(image, baseline, windows), { as: o.score, signal });
    const score = (i: number) => scores.data[i * model.classes.length + target.class]!;
    const [drop, covered] = [new Float64Array(height * width), new Float64Array(height * width)];
    windows.forEach(({ y, x }, i) => {
      const difference = score(0) - score(i + 1);
      for (let row = y.from; row < y.to; row++) {
        for (let p = row * width + x.from; p < row * width + x.to; p++) {
          drop[p]! += difference;
          covered[p]!++;
        }
      }
    });
    const map = tensor(
      [height, width],
      Float32Array.from(drop, (v, p) => v / covered[p]!),
    );
    return { map, diagnostics: { windows: windows.length } };
  },
});

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Windows along one axis, covering all of it. */
function spans(length: number, { window, stride, border }: z.output<typeof options>): Span[] {
  const size = Math.min(window, length);
  const count = 1 + Math.ceil((length - size) / stride);
  return Array.from({ length: count }, (_, i) => {
    const from = border === 'shift' ? Math.min(i * stride, length - size) : i * stride;
    return { from, to: Math.min(from + size, length) };
  });
}

/** The image, then the image with each window showing the baseline. */
function occludedBatch(image: Tensor, baseline: Tensor, windows: readonly { y: Span; x: Span }[]): Batch {
  const [, width = 0, channels = 1] = image.shape;
  return {
    count: windows.length + 1,
    write(i, out) {
      out.set(image.data);
      if (i === 0) return;
      const { y, x } = windows[i - 1]!;
      for (let row = y.from; row < y.to; row++) {
        const from = (row * width + x.from) * channels;
        const to = (row * width + x.to) * channels;
        out.set(baseline.data.subarray(from, to), from);
      }
    },
  };
}
