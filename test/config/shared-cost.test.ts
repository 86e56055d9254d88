import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { planCost } from '../../src/config/cost.ts';
import type { PlannedMetric, PlannedModel } from '../../src/config/plan.ts';
import { scoreSubject, smoothModel, subjectFor } from '../../src/conformance/index.ts';
import { rememberingMemo, smallExplainer } from '../../src/conformance/score.ts';
import { createRng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';

const { metrics } = builtinRegistry();
const [H, W] = [18, 22];
const model = smoothModel({ height: H, width: W });
const planned: PlannedModel = {
  id: 'small',
  digest: '',
  classOf: new Map(),
  card: { input: { size: [H, W], channels: 1 }, classes: model.classes } as unknown as PlannedModel['card'],
};

function metricOf(name: string, options: object = {}, baseline = 'air'): PlannedMetric {
  const metric = metrics.get(name)!;
  return {
    id: `${name} ${JSON.stringify([options, baseline])}`,
    metric,
    options: metric.options.parse(options),
    baseline,
  };
}

function costOf(list: readonly PlannedMetric[], spacing?: readonly number[]) {
  const explainer = { id: 'small', explainer: smallExplainer, options: {} };
  const plan = { models: [planned], explainers: [explainer], metrics: list };
  return planCost(plan, { images: 1, explained: [1] }, [spacing ? { spacing } : {}]).models[0]!;
}

/** Passes that the metrics of two maps of one image really take, explanations by the way included. */
async function spentOn(list: readonly PlannedMetric[]) {
  const subject = subjectFor(model, 1);
  const scores = [
    ...(await model.scores({ count: 1, write: (_, out) => out.set(subject.image.data) }, { as: 'logit' })).data,
  ];
  const rng = createRng('map');
  const attribution = tensor(
    [H, W],
    Float32Array.from({ length: H * W }, () => rng.normal()),
  );
  const [memo, passMapMemo] = [rememberingMemo(), rememberingMemo()];
  let own = 0;
  for (const { metric, options } of list) {
    const { forward } = await scoreSubject({
      ...{ metric, subject, attribution, memo, mapMemo: passMapMemo, mask: tensor([H, W]) },
      options: options as Record<string, unknown>,
      class: scores.indexOf(Math.max(...scores)),
    });
    own += forward;
  }
  return own;
}

const small = { patchPixels: 3 };
const families: Record<string, readonly PlannedMetric[]> = {
  'one set of perturbations': [
    metricOf('faithfulness-correlation', { ...small, subsets: 10 }),
    metricOf('sensitivity-n', { ...small, subsets: 10 }),
    metricOf('infidelity', { ...small, subsets: 10 }),
  ],
  'patches removed one by one': [metricOf('faithfulness-estimate', small), metricOf('non-sensitivity', small)],
  'the image through the map': [metricOf('average-drop'), metricOf('average-gain'), metricOf('confidence-increase')],
  'curves in the order of the map': [
    metricOf('deletion', { steps: 12 }),
    metricOf('srg', { steps: 12 }),
    metricOf('insertion', { steps: 12 }),
    metricOf('sufficient-share', { steps: 12 }),
  ],
  'curves over information': [metricOf('pic-aic', { steps: 8 }), metricOf('pic-sic', { steps: 8 })],
};

describe.each(Object.entries(families))('%s', (_, list) => {
  it('is planned once, and made once', async () => {
    const together = costOf(list);
    const apart = list.map(m => costOf([m]).perImage.forward);
    const explanation = 1 + 2;
    const planned = together.perImage.forward - explanation;
    expect(planned).toBeLessThan(apart.reduce((sum, n) => sum + n - explanation, 0));
    expect(together.saved.forward).toBeGreaterThan(0);
    expect(await spentOn(list)).toBe(planned);
  });
});

it('patches in mm are counted by the spacing of the image', async () => {
  const list = [metricOf('faithfulness-estimate'), metricOf('non-sensitivity'), metricOf('monotonicity')];
  const byImage = costOf(list, [1.5, 1.5]).perImage.forward - 3;
  expect(await spentOn(list)).toBe(byImage);
  // 8 mm are 5 pixels, not 8: 4 × 5 patches where 1 mm would give 3 × 3.
  expect(byImage).toBe(2 * (1 + 20));
  expect(costOf(list).perImage.forward - 3).toBe(2 * (1 + 9));
});

it('curves on maps whose pixels are tied are counted in all the orders of their ties', () => {
  const cost = (options: object, tied?: 'regions' | 'zeros', name = 'deletion') => {
    const { metric, options: parsed } = metricOf(name, options);
    return metric.cost(parsed, { spatial: [H, W], channels: 1, tied }, { forward: 0, backward: 0 }).forward - 2;
  };
  expect(cost({ steps: 12 })).toBe(11);
  expect(cost({ steps: 12 }, 'regions')).toBe(5 * 11);
  expect(cost({ steps: 12, tieFields: 1 }, 'regions')).toBe(11);
  expect(cost({ precision: 0.005 }, 'regions')).toBeGreaterThan(cost({ precision: 0.005 }));
  expect(cost({ precision: 0.005 }, 'regions')).toBeLessThan(cost({}, 'regions'));
  // Zeros tie most patches, and pixels no more than regions do.
  const patches = { unit: 'patches', precision: 0.005 };
  expect(cost(patches, 'zeros', 'srg')).toBeGreaterThan(cost(patches, 'regions', 'srg'));
  expect(cost({ precision: 0.005 }, 'zeros')).toBe(cost({ precision: 0.005 }, 'regions'));
});

describe('what is shared', () => {
  it('is so for one image and settings only', () => {
    const [a, b] = [metricOf('deletion', { steps: 12 }), metricOf('srg', { steps: 13 })];
    // The two ends.
    expect(costOf([a, b]).saved.forward).toBe(2);
    expect(costOf([a, metricOf('srg', { steps: 12 }, 'blur')]).saved.forward).toBe(0);
  });

  it('noisy copies: those of an image serve all its maps, their explanations one map', () => {
    const robust = ['max-sensitivity', 'avg-sensitivity', 'local-lipschitz'].map(name => metricOf(name));
    const explainers = ['a', 'b'].map(id => ({ id, explainer: smallExplainer, options: {} }));
    const { saved } = planCost({ models: [planned], explainers, metrics: robust }, { images: 1, explained: [1] })
      .models[0]!;
    expect(saved).toEqual({ forward: 5 * 11 + 2 * 2 * 10 * 2, backward: 2 * 2 * 10 * 2 });
  });

  it.each([...metrics.values()].map(m => [m.name, m] as const))('%s: no more than its cost', (_, metric) => {
    const facts = { spatial: [64, 64], channels: 1, classes: 3 };
    const cost = metric.cost(metric.options.parse({}), facts, { forward: 5, backward: 2 });
    for (const pass of ['forward', 'backward'] as const) {
      const shared = (cost.shared ?? []).reduce((sum, s) => sum + s[pass], 0);
      expect(shared).toBeLessThanOrEqual(cost[pass]);
    }
    expect(new Set(cost.shared?.map(s => `${s.per} ${s.key}`)).size).toBe(cost.shared?.length ?? 0);
  });

  it('is nothing for maps of a kind that a metric does not take', () => {
    const ranking = { ...smallExplainer, kindOf: () => 'ranking' as const };
    const list = [metricOf('infidelity')];
    const explainers = [{ id: 'r', explainer: ranking, options: {} }];
    expect(
      planCost({ models: [planned], explainers, metrics: list }, { images: 1, explained: [1] }).models[0]!.perImage,
    ).toEqual({
      ...{ forward: 3, backward: 2 },
    });
  });
});
