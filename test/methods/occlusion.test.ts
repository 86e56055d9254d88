import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearModel } from '../../src/conformance/models.ts';
import { explainSubject, subjectFor } from '../../src/conformance/subject.ts';
import { occlusion } from '../../src/methods/occlusion.ts';
import { mapOf } from './helpers.ts';

const explainer = occlusion;

/** First and last row or column of each window, as the definition has it. */
function windows(length: number, window: number, stride: number, shift: boolean): [number, number][] {
  const list: [number, number][] = [];
  for (let from = 0; ; from += stride) {
    if (from + window < length) {
      list.push([from, from + window]);
      continue;
    }
    list.push([shift ? Math.max(0, length - window) : from, length]);
    return list;
  }
}

const sizes = fc.record({
  height: fc.integer({ min: 2, max: 14 }),
  width: fc.integer({ min: 2, max: 14 }),
  channels: fc.constantFrom(1, 3),
  window: fc.integer({ min: 1, max: 6 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  border: fc.constantFrom('shift', 'clip'),
});

it('on a linear model is the mean over covering windows of Σ w (x − b)', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, async ({ height, width, channels, window, share, border }) => {
      const stride = Math.max(1, Math.round(share * window));
      const size = height * width * channels;
      const weights = [1, 2].map(c => Float64Array.from({ length: size }, (_, i) => Math.sin(c * i)));
      const subject = subjectFor(linearModel({ height, width, channels, weights }), 3);
      const options = { window, stride, border, score: 'logit' };
      const { map, diagnostics } = await mapOf({ explainer, subject, options });

      const [total, covered] = [new Float64Array(height * width), new Float64Array(height * width)];
      let count = 0;
      for (const [y0, y1] of windows(height, window, stride, border === 'shift')) {
        for (const [x0, x1] of windows(width, window, stride, border === 'shift')) {
          count++;
          const inside: number[] = [];
          for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) inside.push(y * width + x);
          let drop = 0;
          for (const p of inside) {
            for (let k = p * channels; k < (p + 1) * channels; k++) {
              drop += weights[0]![k]! * (subject.image.data[k]! - subject.baseline.data[k]!);
            }
          }
          for (const p of inside) {
            total[p]! += drop;
            covered[p]!++;
          }
        }
      }
      expect(diagnostics).toEqual({ windows: count });
      total.forEach((v, p) => {
        expect(covered[p]).toBeGreaterThan(0);
        expect(map.data[p]).toBeCloseTo(v / covered[p]!, 4);
      });
    }),
    { numRuns: 60 },
  );
});

describe('windows', () => {
  it('number what the cost says, one pass for the image included', async () => {
    const subject = subjectFor(linearModel({ height: 37, width: 50 }), 0);
    const { forward } = await explainSubject({ explainer, subject });
    expect(explainer.cost(explainer.options.parse({}), subject.model.input)).toEqual({ forward, backward: 0 });
    expect(forward).toBe(1 + 4 * 6);
    expect(explainer.cost(explainer.options.parse({}), { spatial: [224, 224], channels: 3 }).forward).toBe(730);
  });

  it('as large as the image give one value', async () => {
    const subject = subjectFor(linearModel({ height: 5, width: 6 }), 0);
    const { map } = await mapOf({ explainer, subject });
    expect(new Set(map.data).size).toBe(1);
  });

  it('may not be further apart than they are wide', () => {
    expect(() => explainer.options.parse({ window: 4, stride: 5 })).toThrow(/at most window/);
  });
});
