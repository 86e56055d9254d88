import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { type StabilityContext, stabilityOf } from '../../src/reports/analysis/audit-stability.ts';

const SAMPLES = Array.from({ length: 8 }, (_, i) => `s${i}`);
type Values = Readonly<Record<string, number>>;

/** Explainers whose values are a level on every image, before and after one change. */
function stability(before: Values, after: Values, change = 'baseline', better = 'higher') {
  const cell = (metric: string) =>
    Object.entries(metric === 'm' ? before : after).map(([method, level]) => ({
      ...{ metric, method },
      values: new Map(SAMPLES.map((s, i) => [s, level + i / 100])),
    }));
  const context = {
    repetitions: [{ id: `m~${change}`, of: 'm', change, baseline: 'blur', options: { steps: 50 } }],
    methods: [...Object.keys(before).map(id => ({ id, role: 'method' })), { id: 'random', role: 'control' }],
    cells: cell('m'),
    again: cell(`m~${change}`),
    answered: new Map(SAMPLES.map(s => [s, { sample: s, patient: s }])),
    only: new Set(SAMPLES),
    rng: createRng('stability'),
  };
  const metric = { id: 'm', better, options: { steps: 100 } };
  return stabilityOf([metric as never], context as unknown as StabilityContext)[0]?.repeated[0];
}

describe('stability of a metric', () => {
  it('tells an order that stays from one that is turned round', () => {
    const before = { a: 0.9, b: 0.5, c: 0.1 };
    expect(stability(before, { a: 0.8, b: 0.4, c: 0.05 })).toMatchObject({
      to: 'baseline blur',
      order: { tau: 1, interval: [1, 1], patients: 8 },
      moved: expect.closeTo(0.1, 9),
    });
    const turned = stability(before, { a: 0.1, b: 0.5, c: 0.9 });
    expect(turned).toMatchObject({ order: { tau: -1 }, best: ['a', 'c'] });
    expect(stability(before, { a: 0.8, b: 0.4, c: 0.05 })).not.toHaveProperty('best');
    expect(stability(before, { a: 0.1, b: 0.5, c: 0.9 }, 'baseline', 'lower')!.best).toEqual(['c', 'a']);
  });

  it('keeps explainers that draw nothing where another seed is tried', () => {
    const found = stability({ a: 0.9, b: 0.5, c: 0.1 }, { b: 0.95 }, 'seed');
    expect(found).toMatchObject({ explainers: 3, best: ['a', 'b'], moved: expect.closeTo(0.45, 9) });
    expect(found!.order.tau).toBeCloseTo(1 / 3, 9);
    // Of other changes, an explainer without values has none.
    expect(stability({ a: 0.9, b: 0.5, c: 0.1 }, { b: 0.95 }, 'steps')).toMatchObject({
      explainers: 1,
      to: 'steps 50',
    });
  });

  it('says nothing where nothing was repeated, and of one explainer no order', () => {
    expect(stability({ a: 0.9, b: 0.5 }, {}, 'ties')).toBeUndefined();
    expect(stability({ a: 0.9 }, { a: 0.2 }, 'ties')).toMatchObject({ order: { tau: null }, explainers: 1 });
  });
});
