import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.ts';
import { t975 } from '../../src/reports/analysis/band.ts';
import { axisOver } from '../../src/reports/charts/axis.ts';
import { outlinePath } from '../../src/reports/charts/mask-outline.ts';
import { escapeHtml, html } from '../../src/reports/page/markup.ts';
import { createCurveMean } from '../../src/reports/summary/curve-mean.ts';
import { overlayPixels, overlayPng, scaleEnd, viewPng } from '../../src/reports/summary/heatmap.ts';
import { countOf, createTally, mergeTallies } from '../../src/reports/summary/tally.ts';
import { compact, decimalsFor, fixed, group, listed, pValue, signed } from '../../src/reports/text/format.ts';
import { metricAbout } from '../../src/reports/text/words.ts';
import { elementsOf } from './render.ts';

describe('numbers', () => {
  it('have true minus signs, no −0 and a dash where there is none', () => {
    expect(fixed(-1.25, 2)).toBe('−1.25');
    expect(fixed(-0.001, 2)).toBe('0.00');
    expect([fixed(Number.NaN, 2), fixed(undefined, 2), compact(Number.POSITIVE_INFINITY)]).toEqual(['–', '–', '–']);
    expect([signed(0.2, 1), signed(-0.2, 1), signed(0.001, 1)]).toEqual(['+0.2', '−0.2', '0.0']);
    expect([compact(0), compact(0.01234), compact(12.34), compact(1234.5)]).toEqual([
      '0',
      '0.0123',
      '12.3',
      '1\u202f235',
    ]);
    expect([group(999), group(1234567), group(-1000)]).toEqual(['999', '1\u202f234\u202f567', '−1\u202f000']);
    expect([pValue(0), pValue(0.0123), pValue(0.5)]).toEqual(['<\u20090.001', '0.012', '0.50']);
    expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
  });

  it('get as many decimals as their intervals carry', () => {
    expect([
      decimalsFor([0.03]),
      decimalsFor([0.4]),
      decimalsFor([30]),
      decimalsFor([]),
      decimalsFor([], [120]),
    ]).toEqual([3, 2, 0, 3, 1]);
  });
});

describe('about a metric', () => {
  it('is said what it changes at once, where that is not single pixels', () => {
    const about = (options: object) => metricAbout({ better: 'higher', range: [-1, 1], options } as never).at(-1);
    expect(about({ score: 'probability', unit: 'pixels', patch: 8 })).toBe('score: probability');
    expect(about({ score: 'probability', unit: 'patches', patch: 8 })).toBe('patches of 8 mm (pixels without spacing)');
    expect(about({ unit: 'patches', patch: 8, patchPixels: 5 })).toBe('patches of 5 pixels');
  });
});

describe('html', () => {
  it('escapes every value, in text and in attributes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), value => {
        const { markup } = html`<p title="${value}">${value}</p>`;
        const [p] = elementsOf(`<!doctype html>${markup}`);
        expect(p?.attributes.title).toBe(escapeHtml(value));
      }),
    );
  });

  it('leaves markup as it is, joins lists and drops what is not there', () => {
    expect(html`<b>${[html`<i>x</i>`, 'a<b', undefined, false, 3]}</b>`.markup).toBe('<b><i>x</i>a&lt;b3</b>');
  });
});

describe('a tally', () => {
  it('counts reasons that differ in numbers or quoted names as one, and shows one of them', () => {
    const tally = createTally();
    tally.add('undefined', "the mask of 'b' has 12 pixels");
    tally.add('undefined', "the mask of 'a' has 3 pixels");
    tally.add('failed', 'no memory');
    tally.add('skipped', undefined);
    tally.add('ok', undefined);
    const counts = tally.finish();
    expect(counts.map(c => [c.status, c.count, c.varied])).toEqual([
      ['failed', 1, false],
      ['undefined', 2, true],
      ['skipped', 1, false],
    ]);
    expect(counts[1]?.reason).toBe("the mask of 'a' has 3 pixels");
    expect(countOf(counts)).toBe(4);
    expect(mergeTallies([counts, counts]).map(c => c.count)).toEqual([2, 4, 2]);
  });

  it('stays small whatever the reasons', () => {
    const tally = createTally();
    const word = (i: number) => String.fromCharCode(97 + (i % 26), 97 + (Math.floor(i / 26) % 26));
    for (let i = 0; i < 600; i++) tally.add('failed', `${word(i)} ${'long '.repeat(1000)}`);
    const counts = tally.finish();
    expect(counts.length).toBeLessThanOrEqual(102);
    expect(Math.max(...counts.map(c => c.reason.length))).toBeLessThanOrEqual(400);
    expect(countOf(counts)).toBe(600);
  });
});

describe('mean curves', () => {
  it('average within patients first, on a common grid', () => {
    const mean = createCurveMean();
    mean.add('a', { fraction: [0, 1], score: [0, 1] });
    mean.add('a', { fraction: [0, 0.5, 1], score: [0, 1, 1] });
    mean.add('b', { fraction: [0, 1], score: [1, 1] });
    mean.add('b', { fraction: [0, 1], score: [Number.NaN, 1] });
    mean.add('b', { fraction: [0], score: [1] });
    const found = mean.finish()!;
    expect(found.images).toBe(3);
    expect(found.patients.get('a')?.[50]).toBeCloseTo(0.75, 6);
    expect(found.patients.get('b')?.[0]).toBe(1);
  });

  it('have intervals by Student’s t', () => {
    const table: [number, number][] = [
      [5, 2.5706],
      [10, 2.2281],
      [44, 2.0154],
      [1000, 1.9623],
    ];
    for (const [df, t] of table) expect(t975(df)).toBeCloseTo(t, 2);
  });
});

describe('drawings', () => {
  it('have axes that hold the values and stay within their bounds', () => {
    const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1 }), values => {
        const axis = axisOver(values, [0, 100]);
        expect(axis.domain[0]).toBeLessThanOrEqual(Math.min(...values));
        expect(axis.domain[1]).toBeGreaterThanOrEqual(Math.max(...values));
        expect(values.every(v => Number.isFinite(axis(v)))).toBe(true);
      }),
    );
    expect(axisOver([0.02, 0.99], [0, 1], { within: [0, 1] }).domain).toEqual([0, 1]);
    expect(axisOver([], [0, 1]).ticks.length).toBeGreaterThan(1);
  });

  it('outline a mask by its pixels’ edges', () => {
    const mask = tensor([3, 3], Float32Array.of(0, 0, 0, 0, 1, 1, 0, 0, 0));
    expect(outlinePath(mask)).toBe('M1 1H3M1 2H3M1 1V2M3 1V2');
    expect(outlinePath(tensor([2, 2]))).toBe('');
  });
});

describe('heat maps', () => {
  it('end at the 99th percentile, at the largest value where that is 0', () => {
    const map = tensor(
      [10, 10],
      Float32Array.from({ length: 100 }, (_, i) => (i === 99 ? 1000 : -i)),
    );
    expect(scaleEnd(map)).toBe(98);
    const sparse = tensor(
      [10, 20],
      Float32Array.from({ length: 200 }, (_, i) => (i === 7 ? -3 : 0)),
    );
    expect(scaleEnd(sparse)).toBe(3);
    expect(scaleEnd(tensor([2, 2]))).toBe(0);
    expect(scaleEnd(tensor([1, 2], Float32Array.of(Number.NaN, 2)))).toBe(2);
  });

  it('are red for, blue against, clear at 0 and at what is not a number', () => {
    const [plus, minus, zero, nan] = [0, 4, 8, 12];
    const rgba = overlayPixels(tensor([1, 4], Float32Array.of(2, -1, 0, Number.NaN)), 2);
    expect(rgba[plus]!).toBeGreaterThan(rgba[plus + 2]!);
    expect(rgba[minus]!).toBeLessThan(rgba[minus + 2]!);
    expect(rgba[plus + 3]! / rgba[minus + 3]!).toBeCloseTo(2, 1);
    expect([rgba[zero + 3], rgba[nan + 3]]).toEqual([0, 0]);
  });

  it('are written as PNG that reads back, no larger than asked for', async () => {
    const map = tensor(
      [4, 6],
      Float32Array.from({ length: 24 }, (_, i) => i - 12),
    );
    const { data, info } = await sharp(await overlayPng(map, 12, 100))
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([6, 4]);
    expect(data[3]).toBe(overlayPixels(map, 12)[3]);
    const view = await sharp(await viewPng(tensor([40, 60], new Float32Array(2400).fill(0.5)), 20)).metadata();
    expect([view.width, view.height, view.channels]).toEqual([20, 13, 1]);
  });
});
