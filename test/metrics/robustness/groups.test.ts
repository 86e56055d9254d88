import { describe, expect, it } from 'vitest';
import { type Collected, isUndefined, type Metric, type Score } from '../../../src/core/contracts/index.ts';
import { consistency } from '../../../src/metrics/robustness/consistency.ts';
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
