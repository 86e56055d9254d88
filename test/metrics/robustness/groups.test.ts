import { describe, expect, it } from 'vitest';
import { type Collected, isUndefined, type Metric, type Score } from '../../../src/core/contracts/index.ts';
import { consistency } from '../../../src/metrics/robustness/consistency.ts';
import { sufficiency } from '../../../src/metrics/robustness/sufficiency.ts';
import { additiveScene, collect, map } from '../scene.ts';

const member = (patient: string, item: unknown): Collected => ({
  item: item as Collected['item'],
  patient,
  sample: patient,
  class: 0,
});
const combined = (metric: Metric, items: readonly Collected[]): Score => {
  const result = metric.combine!(items, metric.options.parse({}));
  if (isUndefined(result)) throw new Error(result.undefined);
  return result;
};
const reason = (metric: Metric, items: readonly Collected[]): unknown =>
  (metric.combine!(items, metric.options.parse({})) as { undefined?: string }).undefined;

describe('consistency', () => {
  const at = (patient: string, cells: string, predicted: number) => member(patient, { cells, predicted });

  it('is 1 where the place tells the class, 0 where it tells the other', () => {
    const told = ['a', 'b', 'c', 'd'].map((p, i) => at(p, `${i % 2}`, i % 2));
    expect(combined(consistency, told)).toMatchObject({ value: 1, chance: 1 / 3 });
    const swapped = [at('a', '0', 0), at('b', '0', 1), at('c', '1', 0), at('d', '1', 1)];
    expect(combined(consistency, swapped)).toMatchObject({ value: 0, chance: 1 / 3 });
  });

  it('equals chance where all maps are in one place, as those of a fixed map are', () => {
    const fixed = ['a', 'b', 'c', 'd', 'e'].map((p, i) => at(p, '5', i < 2 ? 0 : 1));
    const { value, chance } = combined(consistency, fixed);
    expect(value).toBeCloseTo(chance!, 12);
    expect(value).toBeCloseTo((2 * (1 / 4) + 3 * (2 / 4)) / 5, 12);
  });

  it('counts patients, not their slices, and never a patient’s own slices as peers', () => {
    const one = [at('a', '0', 0), at('a', '0', 0), at('a', '0', 0)];
    expect(reason(consistency, one)).toBe('there are no maps of two patients');
    // Patient a's three slices weigh as much as each of the others' one.
    const found = combined(consistency, [...one, at('b', '0', 0), at('c', '0', 1)]);
    expect(found.value).toBeCloseTo((1 / 2 + 3 / 4 + 0) / 3, 12);
  });

  it('is undefined for one class, for no peers, and for nothing', () => {
    expect(reason(consistency, [at('a', '0', 1), at('b', '0', 1)])).toMatch(/one class/);
    expect(reason(consistency, [at('a', '0', 0), at('b', '1', 1)])).toBe('no two patients have maps that are alike');
    expect(reason(consistency, [])).toBe('there are no maps of two patients');
  });

  it('collects the cell with the most positive mass, and the predicted class', async () => {
    const shares = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3];
    const scene = additiveScene(4, 4, shares);
    expect(await collect(consistency, scene, { grid: 2 })).toEqual({ cells: '3', predicted: 0 });
    const against = additiveScene(
      4,
      4,
      shares.map(v => -v),
      shares.map((v, i) => (i === 15 ? -v : v)),
    );
    expect(await collect(consistency, against, { grid: 2 })).toEqual({ cells: '0', predicted: 1 });
    const negative = {
      ...scene,
      attribution: map(
        4,
        4,
        shares.map(v => -v),
      ),
    };
    expect(await collect(consistency, negative, { grid: 2 })).toEqual({ undefined: 'the map has no positive value' });
  });
});

describe('sufficiency', () => {
  const like = (patient: string, cells: number[], predicted: number) => member(patient, { cells, predicted });
  const [up, down] = [
    [1, 2, 3, 4],
    [4, 3, 2, 1],
  ];

  it('is 1 where maps that look alike are of one class, 0 where of the other', () => {
    const told = [
      like('a', up!, 0),
      like(
        'b',
        up!.map(v => 2 * v + 1),
        0,
      ),
      like('c', down!, 1),
      like('d', down!, 1),
    ];
    expect(combined(sufficiency, told)).toMatchObject({ value: 1, chance: 1 / 3 });
    const swapped = [like('a', up!, 0), like('b', up!, 1), like('c', down!, 0), like('d', down!, 1)];
    expect(combined(sufficiency, swapped)).toMatchObject({ value: 0 });
  });

  it('is undefined where no maps look alike (Quantus counts 0)', () => {
    expect(reason(sufficiency, [like('a', up!, 0), like('b', down!, 1)])).toBe(
      'no two patients have maps that are alike',
    );
  });

  it('collects the map on a coarse grid', async () => {
    const scene = additiveScene(
      4,
      4,
      Array.from({ length: 16 }, (_, i) => (i === 0 ? 4 : i === 15 ? -2 : 0)),
    );
    expect(await collect(sufficiency, scene, { grid: 2 })).toEqual({ cells: [1, 0, 0, -0.5], predicted: 0 });
    const even = {
      ...scene,
      attribution: map(
        4,
        4,
        Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 1 : -1)),
      ),
    };
    expect(await collect(sufficiency, even, { grid: 2 })).toEqual({ undefined: 'the map is even on the coarse grid' });
  });
});
