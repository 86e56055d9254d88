import { describe, expect, it } from 'vitest';
import { smoothModel, subjectFor } from '../../../src/conformance/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { srg } from '../../../src/metrics/faithfulness/srg.ts';
import { additiveScene, areaOf, counted, map, type Scene, scoreOf } from '../scene.ts';

const SIZE = 16;
/** As Grad-CAM after its ReLU: a bump of distinct values, and zeros in most of the image. */
const bump = Array.from({ length: SIZE * SIZE }, (_, i) =>
  Math.max(0, 6 - Math.hypot(Math.floor(i / SIZE) - 5.13, (i % SIZE) - 9.29)),
);
const subject = subjectFor(smoothModel({ height: SIZE, width: SIZE, seed: 2 }), 2);
const scene: Scene = { ...subject, attribution: map(SIZE, SIZE, bump) };

describe('ties', () => {
  it('many are reported and averaged over five orders, few are not', async () => {
    const { details } = await scoreOf(deletion, scene, { steps: 20 });
    const differs = (i: number) => subject.image.data[i] !== subject.baseline.data[i];
    const zeros = bump.filter((v, i) => v === 0 && differs(i)).length / bump.length;
    expect(details).toMatchObject({ tieFields: 5, tiedShare: zeros });
    const one = await scoreOf(deletion, scene, { steps: 20, tieFields: 1 });
    expect(one.details).toMatchObject({ tieFields: 1, tiedShare: zeros });
    const rng = createRng(1);
    const untied = {
      ...scene,
      attribution: map(
        SIZE,
        SIZE,
        bump.map(() => rng.normal()),
      ),
    };
    expect((await scoreOf(deletion, untied, { steps: 20 })).details).toMatchObject({ tieFields: 1, tiedShare: 0 });
  });

  it('the average is that of the five orders by themselves', async () => {
    const orders: number[] = [];
    for (let field = 0; field < 5; field++) {
      const rng = {
        ...createRng('scene'),
        fork: (what: string | number, count: string | number) => createRng('scene').fork(what, count, field),
      };
      orders.push(await areaOf(deletion, scene, { steps: 20, tieFields: 1 }, { rng }));
    }
    expect(new Set(orders).size).toBe(5);
    const mean = orders.reduce((a, b) => a + b, 0) / 5;
    expect(await areaOf(deletion, scene, { steps: 20 })).toBeCloseTo(mean, 9);
  });

  it('only the steps that ties decide are scored again', async () => {
    const { model, passes } = counted(subject.model);
    await scoreOf(deletion, { ...scene, model }, { steps: 20 });
    const ranked = bump.filter(v => v > 0).length;
    const open = Array.from({ length: 19 }, (_, k) => Math.round(((k + 1) * SIZE * SIZE) / 20)).filter(e => e > ranked);
    expect(passes.forward).toBe(21 + 4 * open.length);
  });

  it('ties of pixels that the baseline leaves as they are do not count', async () => {
    const image = { ...subject.image, data: subject.image.data.map((v, i) => (bump[i] === 0 ? -0.5 : v)) };
    const { details } = await scoreOf(deletion, { ...scene, image }, { steps: 20 });
    expect(details).toMatchObject({ tieFields: 1, tiedShare: 0 });
  });

  it('ties shorter than a step do not count', async () => {
    const blocks = Array.from({ length: SIZE * SIZE }, (_, i) => Math.floor(i / 8) * 1.01);
    const tied = { ...scene, attribution: map(SIZE, SIZE, blocks) };
    expect((await scoreOf(deletion, tied, { steps: 20 })).details).toMatchObject({ tieFields: 1, tiedShare: 0 });
    expect((await scoreOf(deletion, tied, { pixelsPerStep: 4 })).details).toMatchObject({
      tieFields: 5,
      tiedShare: expect.closeTo(1, 0),
    });
  });

  it('do not favour a side: image and map mirrored give the same on average (RISE’s sort does not)', async () => {
    const mirror = ({ shape, data }: Tensor): Tensor => ({
      shape,
      data: data.map((_, i) => data[i - (i % SIZE) + (SIZE - 1 - (i % SIZE))]!),
    });
    // The left half carries the score; the map ranks three pixels and leaves the rest to the tie order.
    const shares = map(
      SIZE,
      SIZE,
      Array.from({ length: SIZE * SIZE }, (_, i) => (i % SIZE < SIZE / 2 ? 0.05 : 0)),
    );
    const few = map(
      SIZE,
      SIZE,
      Array.from({ length: SIZE * SIZE }, (_, i) => (i < 3 ? 1 : 0)),
    );
    const left = { ...additiveScene(SIZE, SIZE, [...shares.data]), attribution: few };
    const right = { ...additiveScene(SIZE, SIZE, [...mirror(shares).data]), attribution: mirror(few) };
    const mean = async (of: Scene, order: string): Promise<number> => {
      let sum = 0;
      for (let s = 0; s < 20; s++) sum += await areaOf(deletion, of, { order, steps: 20 }, { rng: createRng(s) });
      return sum / 20;
    };
    expect(Math.abs((await mean(left, 'seeded')) - (await mean(right, 'seeded')))).toBeLessThan(0.003);
  });

  it('fall alike for all methods: the stream of the sample decides, not the map', async () => {
    const shifted = {
      ...scene,
      attribution: map(
        SIZE,
        SIZE,
        bump.map(v => (v > 0 ? v + 1 : 0)),
      ),
    };
    expect(await scoreOf(srg, shifted, { steps: 20 })).toEqual(await scoreOf(srg, scene, { steps: 20 }));
  });

  it('rounding in the last bits does not reorder pixels', async () => {
    const noisy = {
      ...scene,
      attribution: map(
        SIZE,
        SIZE,
        bump.map((v, i) => v * (1 + 1e-7 * (i % 3))),
      ),
    };
    expect((await scoreOf(deletion, noisy, { steps: 20 })).curve).toEqual(
      (await scoreOf(deletion, scene, { steps: 20 })).curve,
    );
  });
});
