import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { linearModel, metricChecks, scoreSubject, subjectFor } from '../../src/conformance/index.ts';
import { collectSubject, isUndefinedItem } from '../../src/conformance/score.ts';
import { isUndefined } from '../../src/core/contracts/index.ts';
import { defineGroupMetric, defineMetric } from '../../src/core/define.ts';
import { tensor } from '../../src/core/tensor.ts';
import { curveOptions } from '../../src/metrics/faithfulness/shared/options.ts';
import { pointingGame } from '../../src/metrics/localisation/pointing-game.ts';

const metrics = [...builtinRegistry().metrics.values()];

describe.each(metrics)('metric $name', metric => {
  const { options = {}, skip = {} } = metric.checks;
  for (const { name, run } of metricChecks(metric)) it(name, run);
  for (const [name, reason] of Object.entries(skip)) it.skip(`${name}: ${reason}`, () => {});

  // Enough to see that a preset runs; some are made for larger images, or take a pass for every pixel.
  const enough = ['spends the passes that it declares', 'works where the spacing is unknown, and with three channels'];
  const presets = Object.entries(metric.presets).map(([name, preset]) => [name, preset.options ?? {}] as const);
  describe.each(presets)('with preset %s', (_, preset) => {
    const checks = metricChecks(metric, { options: { ...options, ...preset } });
    for (const { name, run } of checks.filter(c => enough.includes(c.name))) it(name, run);
  });

  const curves = [{ pixelsPerStep: 37 }, { unit: 'patches', patchPixels: 4 }, { score: 'logit' }, { order: 'stable' }];
  describe.each(metric.options === curveOptions ? curves : [])('with %o', curve => {
    for (const { name, run } of metricChecks(metric, { options: { ...options, ...curve } })) it(name, run);
  });

  it('says what those who read its values must know', () => {
    for (const text of [metric.summary, metric.undefinedWhen, metric.criticism]) expect(text).not.toBe('');
    expect(metric.criticism).toMatch(/\.$/);
    expect(metric.range[0]).toBeLessThan(metric.range[1]);
    if (metric.category === 'complexity') expect(metric.rankable).toBe(false);
  });
});

describe('metricChecks', () => {
  const failing = async (evaluate: Parameters<typeof defineMetric>[0]['evaluate'], more = {}): Promise<string[]> => {
    const metric = defineMetric({
      name: 'broken',
      title: 'Broken',
      cite: 'none',
      category: 'localisation',
      better: 'higher',
      range: [0, 1],
      needs: ['mask'],
      evaluate,
      ...more,
    });
    const names: string[] = [];
    for (const { name, run } of metricChecks(metric)) {
      await run().catch(() => names.push(name));
    }
    return names;
  };

  it('catches what it is for', async () => {
    expect(await failing(async () => ({ value: 2 }))).toContain('gives finite values in its range');
    expect(await failing(async () => ({ value: 1 }))).toEqual([
      'takes a grey mask for what is at least half in it, and refuses one of another size',
      'is undefined where the mask is empty, or covers all',
      'prefers a right map to random ones',
    ]);
    let calls = 0;
    expect(await failing(async () => ({ value: 1 / ++calls }))).toContain(
      'gives the same value for the same seed, also when scores overlap',
    );
    const writes = await failing(async ({ attribution }) => {
      attribution.data[0] = 7;
      return { value: 0.5 };
    });
    expect(writes).toContain('leaves image, baseline, view, map and mask as they are');
    const touches = await failing(async ({ model }) => ({ value: model.classes.length / 9 }));
    expect(touches).toContain('gives finite values in its range');
    const forgets = await failing(async ({ memo, attribution }) => ({
      value: await memo('key', async () => Math.abs(Math.tanh(attribution.data[0]!))),
    }));
    expect(forgets).toContain('gives the same value with and without a memo, whatever was scored before');
    const spends = await failing(
      async ({ model, image, signal }) => {
        const batch = { count: 1, write: (_: number, out: Float32Array) => out.set(image.data) };
        const p = await model.scores(batch, { as: 'probability', signal });
        return { value: p.data[0]! };
      },
      { needs: ['model'] },
    );
    expect(spends).toContain('spends the passes that it declares');
  });

  const explaining = (evaluate: Parameters<typeof defineMetric>[0]['evaluate'], more = {}) =>
    failing(evaluate, { category: 'robustness', needs: ['explain'], ...more });
  const largest = (data: Float32Array) => data.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

  it('counts explanations apart from the passes of the metric', async () => {
    const honest = async ({ explain, image }: Parameters<Parameters<typeof explaining>[0]>[0]) => {
      const again = await explain({ image, key: 'same' });
      return isUndefined(again) ? again : { value: Math.tanh(largest(again.map.data)) };
    };
    const cost = (_: unknown, __: unknown, { forward, backward }: { forward: number; backward: number }) => ({
      forward,
      backward,
    });
    expect(await explaining(honest, { cost })).toEqual([]);
    expect(await explaining(honest)).toEqual(['spends the passes that it declares']);
    expect(await explaining(honest, { cost, needs: [] })).toContain('gives finite values in its range');
  });

  it('catches a metric that is silent about what it was not given', async () => {
    const silent = async ({ explain, image }: Parameters<Parameters<typeof explaining>[0]>[0]) => {
      const again = await explain({ image, key: 'same' });
      return { value: isUndefined(again) ? 0 : 1 };
    };
    expect(await explaining(silent)).toContain('says so where the explainer gives no other map');
    const blind = async ({ variantMaps }: Parameters<Parameters<typeof explaining>[0]>[0]) => ({
      value: variantMaps.filter(v => v.map).length,
    });
    const variants = () => [{ kind: 'randomised', depth: 1, seed: 0 }];
    expect(await explaining(blind, { needs: ['weights'], variants })).toEqual([
      'is undefined where the maps that it compares with are constant, or have NaN or infinite values',
      'says so where the model has no variants',
    ]);
  });

  it('catches one name for two images', async () => {
    let n = 0;
    const careless = async ({ explain, image }: Parameters<Parameters<typeof explaining>[0]>[0]) => {
      await explain({ image, key: 'noise' });
      await explain({ image: { ...image, data: image.data.map(v => v + ++n) }, key: 'noise' });
      return { value: 0 };
    };
    expect(await explaining(careless)).toContain('gives finite values in its range');
  });

  it('runs group metrics on groups', async () => {
    const spec = {
      name: 'grouped',
      title: 'Grouped',
      cite: 'none',
      category: 'robustness',
      better: 'higher',
      range: [0, 1],
      collect: async ({ attribution }: { attribution: { data: Float32Array } }) => largest(attribution.data),
      combine: (items: readonly { item: number }[]) =>
        items.length < 2 ? { undefined: 'there are no two maps' } : { value: items.length / 5 },
    } as const;
    const names = async (metric: ReturnType<typeof defineGroupMetric>) => {
      const failed: string[] = [];
      for (const { name, run } of metricChecks(metric)) await run().catch(() => failed.push(name));
      return failed;
    };
    expect(await names(defineGroupMetric(spec))).toEqual([]);
    const careless = await names(defineGroupMetric({ ...spec, combine: () => ({ value: 2 }) }));
    expect(careless).toContain('gives finite values in its range');
    expect(careless).toContain('is undefined for no map, and for the maps of one patient');
  });

  it('names what it leaves out', () => {
    const all = metricChecks(pointingGame);
    const skip = { 'is undefined where the mask is empty, or covers all': 'a reason' };
    expect(metricChecks(pointingGame, { skip })).toHaveLength(all.length - 1);
    expect(() => metricChecks(pointingGame, { skip: { typo: 'a reason' } })).toThrow(/no check is called 'typo'/);
  });

  it('constant maps and maps with NaN are undefined, though the runner does not hand them over', async () => {
    const shape = [4, 4];
    const constant = tensor(shape, new Float32Array(16).fill(3));
    const holed = tensor(
      shape,
      Float32Array.from({ length: 16 }, (_, i) => (i === 3 ? Number.NaN : i)),
    );
    const subject = subjectFor(linearModel({ height: 4, width: 4 }), 0);
    const mask = tensor(
      shape,
      Float32Array.from({ length: 16 }, (_, i) => (i < 5 ? 1 : 0)),
    );
    for (const metric of metrics) {
      for (const attribution of [constant, holed]) {
        const request = { metric, subject, attribution, mask };
        if (metric.scope === 'group') {
          const { item, ...spent } = await collectSubject(request);
          expect(isUndefinedItem(item), metric.name).toBe(true);
          expect(spent.forward + spent.explanations.count).toBe(0);
          continue;
        }
        const { result, ...spent } = await scoreSubject(request);
        expect(isUndefined(result), metric.name).toBe(true);
        expect(spent.forward + spent.explanations.count).toBe(0);
      }
    }
  });

  it('a map or mask of another size than the image is refused', async () => {
    const subject = subjectFor(linearModel({ height: 4, width: 5 }), 0);
    const right = tensor(
      [4, 5],
      Float32Array.from({ length: 20 }, (_, i) => i % 7),
    );
    const turned = { shape: [5, 4], data: right.data };
    for (const metric of metrics) {
      const score = metric.scope === 'group' ? collectSubject : scoreSubject;
      await expect(score({ metric, subject, attribution: turned, mask: right })).rejects.toThrow(
        'the map has shape [5, 4]; the image needs [4, 5].',
      );
      if (!metric.needs.includes('mask')) continue;
      await expect(score({ metric, subject, attribution: right, mask: turned })).rejects.toThrow(
        'the mask has shape [5, 4]; the image needs [4, 5].',
      );
    }
  });
});
