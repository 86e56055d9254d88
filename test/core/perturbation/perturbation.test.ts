import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../../src/core/fingerprint.ts';
import { areaUnder, valueAt } from '../../../src/core/perturbation/curve.ts';
import { priorityField, quantise, rankByField, rankStably } from '../../../src/core/perturbation/order.ts';
import { elementMeans, patches, singlePixels } from '../../../src/core/perturbation/partition.ts';
import { edgesPerStep, equalEdges, joinBatches, pathBatch, sequenceOf } from '../../../src/core/perturbation/path.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';

const values = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 40 });

describe('orders', () => {
  it('by field: descending, every element once, equals as the field has them', () => {
    fc.assert(
      fc.property(values, fc.integer(), (v, seed) => {
        const field = priorityField(v.length, createRng(seed));
        const place = new Map([...field].map((element, p) => [element, p]));
        const { order, runs } = rankByField(v, field);
        expect([...order].sort((a, b) => a - b)).toEqual(v.map((_, i) => i));
        for (let r = 1; r < order.length; r++) {
          const [a, b] = [order[r - 1]!, order[r]!];
          expect(v[a]! > v[b]! || (v[a] === v[b] && place.get(a)! < place.get(b)!)).toBe(true);
        }
        expect(runs.length - 1).toBe(new Set(v).size);
      }),
    );
  });

  it('stable: as Array.sort leaves them', () => {
    fc.assert(
      fc.property(values, v => {
        const expected = v.map((_, i) => i).sort((a, b) => v[b]! - v[a]!);
        expect([...rankStably(v).order]).toEqual(expected);
      }),
    );
  });

  it('keys keep 16 bits below the largest magnitude', () => {
    expect([...quantise([1, -1, 0.5, 2 ** -17 - 1e-9, 2 ** -16, 0])]).toEqual([65536, -65536, 32768, 0, 1, 0]);
    expect([...quantise([0, -0])].map(Math.abs)).toEqual([0, 0]);
  });
});

describe('elements', () => {
  it('patches tile the image, the last ones cut', () => {
    const grid = patches([3, 5], [2, 2]);
    expect([...grid.start]).toEqual([0, 4, 8, 10, 12, 14, 15]);
    expect([...grid.pixels.subarray(8, 10)]).toEqual([4, 9]);
    expect([...grid.pixels].sort((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i));
    const map = tensor(
      [3, 5],
      Float32Array.from({ length: 15 }, (_, i) => i),
    );
    expect([...elementMeans(map, grid)]).toEqual([3, 5, 6.5, 10.5, 12.5, 14]);
  });
});

describe('steps', () => {
  it('equal ones differ by one at most, and read the same from both ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 120 }), (count, steps) => {
        const edges = equalEdges(count, steps);
        expect([edges[0], edges[edges.length - 1]]).toEqual([0, count]);
        expect(edges.length - 1).toBe(Math.min(count, steps));
        const widths = edges.slice(1).map((e, i) => e - edges[i]!);
        expect(Math.min(...widths)).toBeGreaterThan(0);
        expect(Math.max(...widths) - Math.min(...widths)).toBeLessThanOrEqual(2);
        if (count % 2 === 0 || edges.length % 2 === 0) {
          expect(edges.map(e => count - e).reverse()).toEqual(edges);
        }
      }),
    );
  });

  it('by number: the last one may be smaller', () => {
    expect(edgesPerStep(10, 4)).toEqual([0, 4, 8, 10]);
    expect(edgesPerStep(8, 4)).toEqual([0, 4, 8]);
    expect(edgesPerStep(3, 9)).toEqual([0, 3]);
  });
});

describe('paths', () => {
  it('write what a fresh copy would hold, all channels, in batches joined or not', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 12 }), (seed, c, n) => {
        const rng = createRng(seed);
        const image = () =>
          tensor(
            [1, n, c],
            Float32Array.from({ length: n * c }, () => rng.next()),
          );
        const [from, to] = [image(), image()];
        const { pixels } = sequenceOf(singlePixels(n), priorityField(n, rng));
        const counts = [0, Math.floor(n / 2), n];
        const joined = joinBatches([pathBatch(from, to, pixels, counts), pathBatch(to, from, pixels, [n, 0])]);
        expect(joined.count).toBe(5);
        [...counts, n, 0].forEach((count, i) => {
          const out = new Float32Array(n * c).fill(Number.NaN);
          joined.write(i, out);
          const [a, b] = i < 3 ? [from, to] : [to, from];
          const changed = new Set(pixels.subarray(0, count));
          expect(out).toEqual(a.data.map((v, j) => (changed.has(Math.floor(j / c)) ? b.data[j]! : v)));
        });
      }),
    );
  });
});

describe('curves', () => {
  it('areas and values between points', () => {
    expect(areaUnder([0, 0.25, 1], [1, 0.5, 0])).toBeCloseTo(0.1875 + 0.1875, 12);
    expect([-1, 0, 0.125, 0.25, 2].map(x => valueAt([0, 0.25, 1], [1, 0.5, 0], x))).toEqual([1, 1, 0.75, 0.5, 0]);
    expect(() => areaUnder([0], [1])).toThrow(RangeError);
    expect(() => areaUnder([0, 1], [1])).toThrow(RangeError);
  });
});

describe('fingerprint', () => {
  it('tells values, signs of zero and shapes apart, and sees views of larger buffers as what they show', () => {
    const data = Float32Array.of(9, 1, 2, 3, 4);
    const view = tensor([2, 2], data.subarray(1));
    expect(fingerprint(view)).toBe(fingerprint(tensor([2, 2], Float32Array.of(1, 2, 3, 4))));
    expect(fingerprint(view)).toMatch(/^[0-9a-f]{16}$/);
    const others = [
      tensor([4], Float32Array.of(1, 2, 3, 4)),
      tensor([2, 2], Float32Array.of(1, 2, 3, 5)),
      tensor([2, 2], Float32Array.of(0, 0, 0, 0)),
      tensor([2, 2], Float32Array.of(0, -0, 0, 0)),
    ];
    expect(new Set([view, ...others].map(fingerprint)).size).toBe(5);
  });
});
