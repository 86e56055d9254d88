import { describe, expect, it } from 'vitest';
import { linearModel } from '../../../src/conformance/index.ts';
import type { ExplainAgain, ModelVariant, VariantMap } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { efficientMprt } from '../../../src/metrics/randomisation/efficient-mprt.ts';
import { labelRandomisation } from '../../../src/metrics/randomisation/label-randomisation.ts';
import { randomLogit } from '../../../src/metrics/randomisation/random-logit.ts';
import { smoothMprt } from '../../../src/metrics/randomisation/smooth-mprt.ts';
import { additiveScene, areaOf, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const SIDE = 24;
const N = SIDE * SIDE;
const noise = (seed: string): Tensor => {
  const rng = createRng(seed);
  return tensor(
    [SIDE, SIDE],
    Float32Array.from({ length: N }, () => rng.normal()),
  );
};
const original = noise('original');
const view = noise('view');
const scene: Scene = {
  ...additiveScene(SIDE, SIDE, new Array<number>(N).fill(0)),
  attribution: original,
  view,
  image: { shape: [SIDE, SIDE, 1], data: view.data },
};
const negated = (t: Tensor): Tensor => ({ ...t, data: t.data.map(v => -v) });

describe('efficient-mprt', () => {
  const maps = (of: (variant: ModelVariant) => Partial<VariantMap>) => ({
    variantMaps: efficientMprt
      .variantsOf(efficientMprt.options.parse({}))
      .map(variant => ({ variant, ...of(variant) })),
  });
  /** A tenth of the bins in use, all alike: entropy ln 10. */
  const bins = (n: number) =>
    map(
      SIDE,
      SIDE,
      Array.from({ length: N }, (_, i) => (i % n) / (n - 1)),
    );

  it('is (H′ − H) / H of the histograms', async () => {
    const few = { ...scene, attribution: bins(8) };
    const { value, details } = await scoreOf(
      efficientMprt,
      few,
      {},
      maps(() => ({ map: bins(64) })),
    );
    expect(details).toMatchObject({
      entropy: expect.closeTo(Math.log(8), 9),
      randomised: expect.closeTo(Math.log(64), 9),
    });
    expect(value).toBeCloseTo(1, 9);
  });

  it('is 0 for a map that the model does not change', async () => {
    expect(
      await areaOf(
        efficientMprt,
        scene,
        {},
        maps(() => ({ map: original })),
      ),
    ).toBe(0);
  });

  it('asks for three fully redrawn models, and is undefined without a map of any', async () => {
    expect(efficientMprt.variantsOf({ seeds: 3 })).toEqual(
      [0, 1, 2].map(seed => ({ kind: 'randomised', depth: 1, seed })),
    );
    expect(
      await evaluate(
        efficientMprt,
        scene,
        {},
        maps(() => ({ reason: 'dead' })),
      ),
    ).toMatchObject({
      undefined: expect.stringMatching(/dead/),
    });
  });
});

describe('smooth-mprt', () => {
  const explaining = (of: (request: ExplainAgain) => Tensor, asked: ExplainAgain[] = []) => ({
    explain: async (request: ExplainAgain) => {
      asked.push(request);
      return { map: of(request) };
    },
  });

  it('is 1 for an explainer that ignores the model, about 0 for one that shows it', async () => {
    const asked: ExplainAgain[] = [];
    const ignores = explaining(({ image }) => ({ shape: [SIDE, SIDE], data: image.data }), asked);
    expect(await areaOf(smoothMprt, scene, {}, ignores)).toBeCloseTo(1, 6);
    expect(asked).toHaveLength(10 + 3 * 10);
    const images = asked.map(a => a.image.data[0]);
    // The same noisy copies under all weights.
    expect(images.slice(10, 20)).toEqual(images.slice(0, 10));
    const shows = explaining(({ variant }) => noise(JSON.stringify(variant ?? 'trained')));
    expect(await areaOf(smoothMprt, scene, {}, shows)).toBeLessThan(0.35);
  });

  it('averages the noise of single maps away, which mprt sees as a change', async () => {
    let n = 0;
    const noisy = explaining(({ variant }) => {
      const base = variant ? noise('redrawn') : original;
      const speckle = noise(`speckle ${n++}`);
      return { ...base, data: base.data.map((v, i) => v + speckle.data[i]!) };
    });
    expect(await areaOf(smoothMprt, scene, { draws: 50, seeds: 1 }, noisy)).toBeLessThan(0.35);
  });
});

describe('random logit', () => {
  const three = linearModel({ height: SIDE, width: SIDE, classes: 3 });
  const explaining = (of: (c: number) => Tensor) => ({
    explain: async (request: ExplainAgain) => ({ map: of(request.class!) }),
  });

  it('is 1 for a class-blind explainer, small for one whose classes have nothing in common', async () => {
    const blind = await scoreOf(
      randomLogit,
      { ...scene, model: three },
      {},
      explaining(() => original),
    );
    expect(blind).toEqual({ value: expect.closeTo(1, 9), details: { spearman: expect.closeTo(1, 9), classes: 2 } });
    const own = await areaOf(
      randomLogit,
      { ...scene, model: three },
      {},
      explaining(c => noise(`class ${c}`)),
    );
    expect(own).toBeLessThan(0.35);
  });

  it('two classes: minus the map by algebra, so that there is no value unless a logit is explained', async () => {
    const minus = explaining(() => negated(original));
    expect(await evaluate(randomLogit, scene, {}, minus)).toMatchObject({
      undefined: expect.stringMatching(/two classes/),
    });
    expect(await evaluate(randomLogit, scene, {}, { ...minus, claim: { score: 'margin' } })).toHaveProperty(
      'undefined',
    );
    const logit = { ...explaining(() => noise('other')), claim: { score: 'logit' as const } };
    expect(await areaOf(randomLogit, scene, {}, logit)).toBeLessThan(0.35);
  });

  it('one sigmoid for two classes: minus the map, whatever is explained', async () => {
    const shares = new Array<number>(N).fill(0.01);
    const model = linearModel({ height: SIDE, width: SIDE, weights: [shares.map(v => -v), shares] });
    const logit = { ...explaining(() => negated(original)), claim: { score: 'logit' as const } };
    expect(await evaluate(randomLogit, { ...scene, model }, {}, logit)).toMatchObject({
      undefined: expect.stringMatching(/one sigmoid/),
    });
  });
});

describe('label randomisation', () => {
  const under = (entry: Partial<VariantMap>) => ({
    variantMaps: [{ variant: { kind: 'file' as const, file: 'shuffled.onnx' }, ...entry }],
  });

  it('compares with the map under the weights given', async () => {
    const options = { weights: ['shuffled.onnx'] };
    expect(labelRandomisation.variantsOf(options)).toEqual([{ kind: 'file', file: 'shuffled.onnx' }]);
    expect(await areaOf(labelRandomisation, scene, options, under({ map: original }))).toBeCloseTo(1, 9);
    expect(await areaOf(labelRandomisation, scene, options, under({ map: noise('other') }))).toBeLessThan(0.35);
    expect(await evaluate(labelRandomisation, scene, options, under({ reason: 'no such file' }))).toMatchObject({
      undefined: expect.stringMatching(/no such file/),
    });
  });

  it('says what it needs', async () => {
    expect(await evaluate(labelRandomisation, scene)).toMatchObject({
      undefined: expect.stringMatching(/shuffled labels/),
    });
  });
});
