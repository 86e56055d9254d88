import { describe, expect, it } from 'vitest';
import { metricChecks } from '../../src/conformance/index.ts';
import { isUndefined } from '../../src/core/contracts/index.ts';
import { defineMetric } from '../../src/core/define.ts';
import { tensor } from '../../src/core/tensor.ts';
import { deletion } from '../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../src/metrics/faithfulness/insertion.ts';
import { srg } from '../../src/metrics/faithfulness/srg.ts';
import { pointingGame } from '../../src/metrics/localisation/pointing-game.ts';
import { relevanceMass } from '../../src/metrics/localisation/relevance-mass.ts';

const metrics = [deletion, insertion, srg, pointingGame, relevanceMass];

describe.each(metrics)('metric $name', metric => {
  for (const { name, run } of metricChecks(metric)) it(name, run);

  const curve = metric.category === 'faithfulness';
  const others = curve
    ? [{ pixelsPerStep: 37 }, { unit: 'patches', patchPixels: 4 }, { score: 'logit' }, { order: 'stable' }]
    : [];
  describe.each(others)('with %o', options => {
    for (const { name, run } of metricChecks(metric, { options })) it(name, run);
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
      'is undefined where the mask is empty',
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

  it('names what it leaves out', () => {
    const all = metricChecks(pointingGame);
    const skip = { 'is undefined where the mask is empty': 'a reason' };
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
    const { linearModel, scoreSubject, subjectFor } = await import('../../src/conformance/index.ts');
    const subject = subjectFor(linearModel({ height: 4, width: 4 }), 0);
    const mask = tensor(
      shape,
      Float32Array.from({ length: 16 }, (_, i) => (i < 5 ? 1 : 0)),
    );
    for (const metric of metrics) {
      for (const attribution of [constant, holed]) {
        const { result, forward } = await scoreSubject({ metric, subject, attribution, mask });
        expect(isUndefined(result), metric.name).toBe(true);
        expect(forward).toBe(0);
      }
    }
  });
});
