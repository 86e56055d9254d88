import { describe, expect, it } from 'vitest';
import type { ModelVariant, VariantMap } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { mprt } from '../../../src/metrics/randomisation/mprt.ts';
import { additiveScene, evaluate, scoreOf } from '../scene.ts';

const SIDE = 24;
const noise = (seed: string): Tensor => {
  const rng = createRng(seed);
  return tensor(
    [SIDE, SIDE],
    Float32Array.from({ length: SIDE * SIDE }, () => rng.normal()),
  );
};
const original = noise('original');
const scene = { ...additiveScene(SIDE, SIDE, new Array<number>(SIDE * SIDE).fill(0)), attribution: original };
const variants = mprt.variantsOf(mprt.options.parse({}));
const maps = (of: (variant: ModelVariant) => Partial<VariantMap>) => ({
  variantMaps: variants.map(variant => ({ variant, ...of(variant) })),
});

describe('mprt', () => {
  it('asks for 5 depths and 3 seeds', () => {
    expect(variants).toHaveLength(15);
    expect(variants.filter(v => v.kind === 'randomised' && v.depth === 1)).toHaveLength(3);
  });

  it('is 1 for a map that the model does not change, as edges are, in whatever unit', async () => {
    const scaled = { ...original, data: original.data.map(v => 7 * v) };
    const { value, curve, details } = await scoreOf(
      mprt,
      scene,
      {},
      maps(() => ({ map: scaled })),
    );
    expect(value).toBeCloseTo(1, 6);
    expect(curve!.fraction).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(details).toMatchObject({ spearman: expect.closeTo(1, 9), seeds: 3, maps: 15 });
  });

  it('is near what unrelated maps have for a map that the weights change', async () => {
    const fresh = maps(v => ({ map: noise(JSON.stringify(v)) }));
    const { value, details } = await scoreOf(mprt, scene, {}, fresh);
    expect(value).toBeLessThan(0.35);
    expect(Math.abs(details!['spearman']!)).toBeLessThan(0.1);
  });

  it('the unrandomised model is in no mean (Quantus 0.6 counts its 1 in the average)', async () => {
    const half = maps(v => ({ map: v.kind === 'randomised' && v.depth === 1 ? noise('x') : original }));
    const { value, curve } = await scoreOf(mprt, scene, {}, half);
    expect(curve!.score.slice(0, 5).every(s => Math.abs(s - 1) < 1e-6)).toBe(true);
    expect(value).toBe(curve!.score[5]);
    expect(value).toBeLessThan(0.35);
  });

  it('maps that are missing or constant are left out; without any it is undefined', async () => {
    const some = maps(v => (v.kind === 'randomised' && v.seed > 0 ? { reason: 'dead' } : { map: original }));
    expect((await scoreOf(mprt, scene, {}, some)).details).toMatchObject({ seeds: 1, maps: 5 });
    const none = maps(() => ({ map: tensor([SIDE, SIDE]) }));
    expect(await evaluate(mprt, scene, {}, none)).toEqual({
      undefined: 'there is no map under weights that are all redrawn: the map is constant',
    });
    expect(await evaluate(mprt, scene)).toEqual({
      undefined: 'there is no map under weights that are all redrawn: no map under other weights was made',
    });
  });
});
