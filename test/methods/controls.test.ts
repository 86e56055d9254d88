import { describe, expect, it } from 'vitest';
import { linearModel } from '../../src/conformance/models.ts';
import { subjectFor } from '../../src/conformance/subject.ts';
import { filled, tensor } from '../../src/core/tensor.ts';
import { centre } from '../../src/methods/centre.ts';
import { edges } from '../../src/methods/edges.ts';
import { random } from '../../src/methods/random.ts';
import { shuffled } from '../../src/methods/shuffled.ts';
import { mapOf, reasonOf, sum } from './helpers.ts';

const subject = subjectFor(linearModel({ height: 31, width: 21 }), 0);
const size = 31 * 21;

it('are marked as controls', () => {
  for (const control of [random, edges, centre, shuffled]) expect(control.role).toBe('control');
});

describe('random', () => {
  it('is uniform, and follows its seed', async () => {
    const draw = async (seed: string) => (await mapOf({ explainer: random, subject, seed })).map.data;
    const [a, b] = [await draw('a'), await draw('b')];
    expect(sum(a) / size).toBeCloseTo(0.5, 1);
    expect(Math.min(...a)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...a)).toBeLessThan(1);
    expect([...a]).not.toEqual([...b]);
  });
});

describe('edges', () => {
  it('lie where the view changes', async () => {
    const view = tensor(
      [31, 21],
      Float32Array.from({ length: size }, (_, p) => (p % 21 < 10 ? 0 : 1)),
    );
    const { map } = await mapOf({ explainer: edges, subject: { ...subject, view } });
    const columns = Array.from({ length: 21 }, (_, x) => map.data[5 * 21 + x]! > 0);
    expect(columns.flatMap((on, x) => (on ? [x] : []))).toEqual([9, 10]);
  });

  it('are undefined for a constant view', async () => {
    expect(await reasonOf({ explainer: edges, subject: { ...subject, view: filled([31, 21], 0.4) } })).toMatch(
      /constant/,
    );
  });
});

describe('centre', () => {
  it('has its maximum in the middle and is symmetric', async () => {
    const { data } = (await mapOf({ explainer: centre, subject })).map;
    expect(data.indexOf(Math.max(...data))).toBe(15 * 21 + 10);
    expect([...data].reverse()).toEqual([...data]);
  });

  it('falls to e^−½ at one sigma', async () => {
    const { data } = (await mapOf({ explainer: centre, subject, options: { sigma: 10 / 21 } })).map;
    expect(data[15 * 21]).toBeCloseTo(Math.exp(-0.5), 6);
  });
});

describe('shuffled', () => {
  it("is the other patient's map, copied", async () => {
    const donor = filled([31, 21], 2);
    const { map } = await mapOf({ explainer: shuffled, subject, donor });
    expect(map).toEqual(donor);
    expect(map.data).not.toBe(donor.data);
  });

  it('is undefined without one, or where it has another size', async () => {
    expect(await reasonOf({ explainer: shuffled, subject })).toMatch(/no map of another patient/);
    expect(await reasonOf({ explainer: shuffled, subject, donor: filled([3, 3], 0) })).toMatch(/3 × 3, not 31 × 21/);
  });
});
