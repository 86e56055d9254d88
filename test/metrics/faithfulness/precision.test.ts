import { describe, expect, it } from 'vitest';
import { linearModel } from '../../../src/conformance/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { aopc } from '../../../src/metrics/faithfulness/aopc.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../../src/metrics/faithfulness/insertion.ts';
import { irof } from '../../../src/metrics/faithfulness/irof.ts';
import { picAic } from '../../../src/metrics/faithfulness/pic-aic.ts';
import { picSic } from '../../../src/metrics/faithfulness/pic-sic.ts';
import { followPaths } from '../../../src/metrics/faithfulness/shared/follow-paths.ts';
import { srg } from '../../../src/metrics/faithfulness/srg.ts';
import { sufficientShare } from '../../../src/metrics/faithfulness/sufficient-share.ts';
import { additiveScene, counted, map, scoreOf } from '../scene.ts';

const SIDE = 32;
const shares = Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [y, x] = [Math.floor(i / SIDE) - 12, (i % SIDE) - 20];
  return 0.03 * Math.exp(-(x * x + y * y) / 30) - 0.004;
});
const scene = additiveScene(SIDE, SIDE, shares);
/** A map with the same values in blocks of 8 × 8, so that all is tied. */
const blocks = additiveScene(
  SIDE,
  SIDE,
  shares,
  shares.map((_, i) => shares[(Math.floor(i / SIDE / 8) * 8 + 4) * SIDE + Math.floor((i % SIDE) / 8) * 8 + 4]!),
);

async function passes(
  metric: typeof deletion,
  on: typeof scene,
  options: Record<string, unknown>,
): Promise<{ value: number; error?: number; images: number; points: number }> {
  const { model, passes: spent } = counted(on.model);
  const { value, error, curve } = await scoreOf(metric, { ...on, model }, options);
  return { value, ...(error === undefined ? {} : { error }), images: spent.forward, points: curve!.fraction.length };
}

describe('a curve with a precision', () => {
  for (const metric of [deletion, insertion, srg]) {
    for (const [name, on] of [
      ['no ties', scene],
      ['ties', blocks],
    ] as const) {
      it(`${metric.name}, ${name}: fewer passes, and the exact value within the estimate`, async () => {
        const exact = await passes(metric, on, {});
        const near = await passes(metric, on, { precision: 0.005 });
        expect(exact.error).toBeUndefined();
        expect(near.error).toBeGreaterThan(0);
        // Each of the two curves of srg is as precise as that.
        expect(near.error).toBeLessThanOrEqual(0.005 * (metric === srg ? Math.SQRT2 : 1));
        expect(Math.abs(near.value - exact.value)).toBeLessThanOrEqual(near.error!);
        expect(near.images).toBeLessThan(exact.images / 2);
      });

      it(`${metric.name}, ${name}: with next to no error it is the exact value of the whole grid`, async () => {
        const exact = await passes(metric, on, { steps: 24 });
        const near = await passes(metric, on, { steps: 24, precision: 1e-9 });
        expect(near.value).toBeCloseTo(exact.value, 9);
        expect(near.images).toBe(exact.images);
        expect(near.points).toBe(exact.points);
      });
    }
  }

  it('is a share of the range of scores that are no probabilities', async () => {
    const exact = await scoreOf(deletion, scene, { score: 'margin' });
    const near = await scoreOf(deletion, scene, { score: 'margin', precision: 0.01 });
    const range = Math.max(...exact.curve!.score) - Math.min(...exact.curve!.score);
    expect(near.error).toBeLessThanOrEqual(0.01 * range);
    expect(Math.abs(near.value - exact.value)).toBeLessThanOrEqual(near.error!);
  });

  /** Values and passes of metrics of one map, which share what they ask alike. */
  async function together(on: typeof scene, list: readonly (readonly [typeof deletion, Record<string, unknown>])[]) {
    const held = new Map<string, Promise<unknown>>();
    const memo = <T>(key: string, compute: () => Promise<T>): Promise<T> => {
      const known = (held.get(key) as Promise<T> | undefined) ?? compute();
      held.set(key, known);
      return known;
    };
    const { model, passes: spent } = counted(on.model);
    const more = { memo, rng: createRng('scene') };
    const scores = [];
    for (const [metric, options] of list) scores.push(await scoreOf(metric, { ...on, model }, options, more));
    return { scores, images: spent.forward };
  }

  it('shares points with another metric that follows the same path', async () => {
    const alone = await together(scene, [[deletion, { precision: 0.005 }]]);
    const both = await together(scene, [
      [deletion, { precision: 0.005 }],
      [deletion, { precision: 0.01 }],
    ]);
    expect(both.images).toBe(alone.images);
  });

  it('leaves no order of ties for the end, and looks at some points of all parts in two orders', async () => {
    const [last, fields] = [100, 5];
    const edges = Array.from({ length: last + 1 }, (_, i) => i);
    const asked: { readonly edge: number; readonly field: number }[] = [];
    const scores = createRng('orders');
    const drawn = edges.map(() => Array.from({ length: fields }, () => ({ score: scores.normal(), first: true })));
    const curves = {
      plan: {
        sequences: Array.from({ length: fields }, () => ({
          pixels: new Uint32Array(last),
          ends: Uint32Array.from(edges),
        })),
        ...{ edges, ties: [[0, last] as const], tiedShare: 1, patch: [1, 1] as const },
      },
      image: { score: 1, first: true },
      baseline: { score: -1, first: true },
      async points(_: unknown, wanted: readonly { readonly edge: number; readonly field: number }[]) {
        asked.push(...wanted);
        return wanted.map(({ edge, field }) => drawn[edge]![field]!);
      },
      isOpen: (edge: number) => edge > 0 && edge < last,
    };
    const options = { precision: 1e-9, score: 'probability', normalised: false } as const;
    await followPaths(curves, [{ state: 'removed', edges }], options, v => 1 / (1 + Math.exp(-v)));
    expect(asked).toHaveLength((last - 1) * fields);
    const share = (list: typeof asked, field: number) => list.filter(a => a.field === field).length / list.length;
    const end = asked.slice(-last);
    for (let field = 0; field < fields; field++) {
      expect(share(end, field)).toBeGreaterThan(0.1);
      expect(share(end, field)).toBeLessThan(0.35);
    }
    // Among the first hundred passes, in each half of the curve.
    const early = asked.slice(0, last).map(a => a.edge);
    const twice = early.filter((edge, i) => early.indexOf(edge) < i);
    expect(twice.filter(edge => edge <= last / 2).length).toBeGreaterThan(4);
    expect(twice.filter(edge => edge > last / 2).length).toBeGreaterThan(4);
  });

  it.each([
    ['no ties', scene, 'probability'],
    ['ties', blocks, 'probability'],
    ['no ties, log-odds', scene, 'margin'],
  ] as const)('has the same points in srg, whose other curve is that of insertion: %s', async (_, on, score) => {
    const options = { precision: 0.005, score };
    const alone = await together(on, [[srg, options]]);
    const all = await together(on, [
      [deletion, options],
      [insertion, options],
      [srg, options],
    ]);
    expect(all.images).toBe(alone.images);
    const [most, kept, difference] = all.scores;
    expect(difference!.details!.mostFirst).toBe(most!.value);
    expect(difference!.details!.leastFirst).toBeCloseTo(kept!.value, 12);
    expect(difference!.error).toBeCloseTo(Math.hypot(most!.error!, kept!.error!), 12);
  });
});

describe('other metrics that read a curve', () => {
  const values = Array.from({ length: SIDE * SIDE }, (_, i) => 0.5 + 0.5 * Math.sin(i * 1.7 + Math.floor(i / SIDE)));
  /** The left half of a texture decides, and the baseline is an even grey. */
  const decides = values.map((v, i) => (i % SIDE < SIDE / 2 ? 0.1 * (v - 0.5) : 0));
  const revealed = {
    ...additiveScene(SIDE, SIDE, decides),
    model: linearModel({ height: SIDE, width: SIDE, weights: [decides, decides.map(() => 0)], bias: [-3, 0] }),
    image: tensor([SIDE, SIDE, 1], Float32Array.from(values)),
    baseline: tensor([SIDE, SIDE, 1], new Float32Array(SIDE * SIDE).fill(0.5)),
    view: map(SIDE, SIDE, values),
    attribution: map(
      SIDE,
      SIDE,
      values.map((v, i) => (decides[i] === 0 ? -v : (v - 0.5) ** 2)),
    ),
  };
  /** Nothing of the image is the other class. */
  const rising = shares.map(v => 2 * v + 0.01);
  const model = linearModel({ height: SIDE, width: SIDE, weights: [rising, rising.map(() => 0)], bias: [-3, 0] });
  /** Every pixel has another value, so that segments and noise differ. */
  const varied = { ...scene, image: revealed.image, view: revealed.view, baseline: scene.baseline };
  const cases = [
    { metric: irof, on: varied, options: { segments: 200, compactness: 10 }, least: 2 },
    { metric: aopc, on: varied, options: { side: 2 }, least: 1.2 },
    { metric: aopc, on: varied, options: { side: 2, score: 'probability', against: 'least-first' }, least: 2 },
    { metric: picSic, on: revealed, options: { steps: 120 }, least: 2 },
    { metric: picAic, on: revealed, options: { steps: 120 }, least: 2 },
    { metric: sufficientShare, on: { ...scene, model }, options: {}, least: 2 },
    { metric: sufficientShare, on: { ...blocks, model }, options: {}, least: 2 },
  ] as const;

  const spentOn = async ({ metric, on, options }: (typeof cases)[number], precision: number | 'exact') => {
    const { model, passes: spent } = counted(on.model);
    const score = await scoreOf(metric, { ...on, model }, { ...options, precision });
    return { ...score, images: spent.forward };
  };

  it.each(cases)('$metric.name, $options: fewer passes, and the exact value within the estimate', async each => {
    const exact = await spentOn(each, 'exact');
    const near = await spentOn(each, 0.005);
    expect(exact.error).toBeUndefined();
    expect(near.error).toBeGreaterThan(0);
    expect(Math.abs(near.value - exact.value)).toBeLessThanOrEqual(near.error!);
    expect(near.images * each.least).toBeLessThan(exact.images);
  });

  it.each(cases)('$metric.name, $options: with next to no error it is the exact value', async each => {
    const exact = await spentOn(each, 'exact');
    const near = await spentOn(each, 1e-9);
    expect(near.value).toBeCloseTo(exact.value, 6);
    expect(near.images).toBeLessThanOrEqual(exact.images);
  });
});
