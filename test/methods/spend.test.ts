import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { smoothModel } from '../../src/conformance/models.ts';
import { explainSubject, subjectFor } from '../../src/conformance/subject.ts';
import type { ModelFacts } from '../../src/core/contracts/index.ts';

const { explainers } = builtinRegistry();
const spending = [...explainers.values()].filter(e => e.spend);

test('sampling methods can spend a budget', () => {
  expect(spending.map(e => e.name)).toEqual(expect.arrayContaining(['lime', 'integrated-gradients', 'occlusion']));
});

describe.each(spending)('$name', explainer => {
  const defaults = explainer.options.parse({});
  const wrapped = explainer.wraps === undefined ? undefined : explainers.get(explainer.wraps)!;
  /** What each explanation of the wrapped explainer costs. */
  const innerOn = (input: ModelFacts) =>
    wrapped?.cost(wrapped.options.parse(explainer.innerOptionsOf(defaults)), input);

  test('spends what it is given, never more, and more of more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 16, max: 256 }),
        fc.integer({ min: 16, max: 256 }),
        (passes, h, w) => {
          const input = { spatial: [h, w] as [number, number], channels: 1 };
          const spent = explainer.spend!(passes, defaults, input, innerOn(input));
          if (spent === undefined) {
            // Two windows along the short side are more along the long one.
            expect(passes).toBeLessThan(12 * Math.ceil(Math.max(h, w) / Math.min(h, w)));
            return;
          }
          const inner = innerOn(input);
          const cost = explainer.cost(explainer.options.parse(spent), input, inner);
          expect(cost.forward + cost.backward).toBeLessThanOrEqual(passes);
          const further = explainer.options.parse(explainer.spend!(2 * passes, defaults, input, inner));
          const more = explainer.cost(further, input, inner);
          expect(more.forward + more.backward).toBeGreaterThanOrEqual(cost.forward + cost.backward);
        },
      ),
    );
  });

  test('really makes that many passes, and little less than it may', async () => {
    const model = smoothModel({ height: 32, width: 32, classes: 2 });
    for (const passes of [50, 100, 200]) {
      const input = { spatial: [32, 32], channels: 1 };
      const options = explainer.spend!(passes, defaults, input, innerOn(input))!;
      const { forward, backward } = await explainSubject({
        explainer,
        subject: subjectFor(model, 0),
        class: 1,
        options,
        wrapped,
      });
      expect(forward + backward).toBeLessThanOrEqual(passes);
      expect(forward + backward).toBeGreaterThanOrEqual(0.45 * passes);
    }
  });
});
