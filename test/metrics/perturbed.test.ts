import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { linearModel } from '../../src/conformance/index.ts';
import type { MetricContext } from '../../src/core/contracts/index.ts';
import { norm } from '../../src/core/norm.ts';
import { createRng, type Rng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';
import { histogramEntropy } from '../../src/metrics/randomisation/shared/entropy.ts';
import { map, scoreOf } from './scene.ts';

// Made by test/golden/metrics/perturbed.py, which says with which image, map, model and parameters.
const { quantus, captum, xplique } = JSON.parse(readFileSync('test/golden/metrics/perturbed.json', 'utf8')) as Record<
  'quantus' | 'captum' | 'xplique',
  { version: string; values: Record<string, number> & { aopc: number[] } }
>;
const curveOfQuantus = quantus!.values['deletion'] as unknown as number[];
const { metrics } = builtinRegistry();
const [side, size] = [12, 144];
const pixels = Array.from({ length: size }, (_, i) => i);
const bump = pixels.map(i => Math.exp(-((Math.floor(i / side) - 5) ** 2 + ((i % side) - 6.5) ** 2) / 6));
const raw = pixels.map(i => Math.fround(Math.sin(1.7 * i + 0.3) + 1.5 * bump[i]!));
const largest = Math.max(...raw.map(Math.abs));
const attribution = map(
  side,
  side,
  raw.map(v => v / largest),
);
const values = Float32Array.from(pixels, i => 1 + 0.3 * Math.cos(0.9 * i));
const weights = Float32Array.from(pixels, i => (Math.sin(2.3 * i + 1) + 2 * bump[i]!) / 25);
const model = linearModel({
  height: side,
  width: side,
  weights: [weights, new Float32Array(size)],
  bias: [-1, 0],
});

/** The map of a noisy copy: w x p (1 − p). */
function explained(x: ArrayLike<number>): ReturnType<typeof map> {
  const p = 1 / (1 + Math.exp(1 - weights.reduce((sum, w, i) => sum + w * x[i]!, 0)));
  return map(
    side,
    side,
    weights.map((w, i) => w * x[i]! * p * (1 - p)),
  );
}

/** The numbers of `draw` in perturbed.py; the stream is the last number that it was forked with. */
function written(stream: number): Rng {
  let k = 0;
  const next = () => {
    const v = Math.sin(12.9898 * ++k + 78.233 * (stream + 1)) * 43758.5453;
    return v - Math.floor(v);
  };
  return {
    ...createRng('ties'),
    next,
    int: n => Math.floor(next() * n),
    fork: (...labels) => written(labels.filter(l => typeof l === 'number').at(-1) ?? 0),
  };
}

const image = tensor([side, side, 1], values);
const scene = {
  ...{ model, image, attribution, baseline: tensor([side, side, 1]) },
  view: map(
    side,
    side,
    values.map(v => v / 2),
  ),
  mask: map(
    side,
    side,
    pixels.map(i => (Math.floor(i / side) >= 3 && Math.floor(i / side) < 7 && i % side >= 3 && i % side < 7 ? 1 : 0)),
  ),
};
const more: Partial<MetricContext<unknown>> = {
  rng: written(0),
  explain: async ({ image: copy }) => ({ map: explained(copy.data) }),
};
const own = (name: string, options: Record<string, unknown>, on = attribution) =>
  scoreOf(metrics.get(name)!, { ...scene, attribution: on }, options, more);
const value = async (...args: Parameters<typeof own>) => (await own(...args)).value;

const steps = { pixelsPerStep: side, tieFields: 1 };
const sets = { subsets: 30, share: 0.25, patchPixels: 3, score: 'probability' };
const pixelwise = { patchPixels: 1, score: 'probability' };
const noise = { noise: 'uniform', radius: 0.2, draws: 6 };

describe(`Quantus ${quantus!.version}`, () => {
  it('pixel flipping is the curve of deletion without its first point', async () => {
    const { curve } = await own('deletion', steps);
    curve!.score.slice(1).forEach((score, k) => {
      expect(score).toBeCloseTo(curveOfQuantus[k]!, 6);
    });
  });

  it('region perturbation is the falls that aopc takes the mean of, with the first one, which is 0', async () => {
    const falls = quantus!.values.aopc;
    const mean = falls.reduce((a, b) => a + b, 0) / (falls.length + 1);
    expect(await value('aopc', { side: 3, fill: 'baseline', score: 'probability' })).toBeCloseTo(mean, 6);
  });

  it('correlations are the same on the same sets, and on each pixel alone', async () => {
    const theirs = quantus!.values;
    expect(await value('faithfulness-correlation', sets)).toBeCloseTo(theirs['faithfulness-correlation']!, 5);
    expect(await value('faithfulness-estimate', pixelwise)).toBeCloseTo(theirs['faithfulness-estimate']!, 5);
    const drawn = { ...pixelwise, draws: 3 };
    expect(await value('monotonicity-correlation', drawn)).toBeCloseTo(theirs['monotonicity-correlation']!, 5);
  });

  it.each([
    'max-sensitivity',
    'avg-sensitivity',
    'local-lipschitz',
    'relative-input-stability',
    'relative-output-stability',
  ])('%s is the same on the same noise', async name => {
    const options = name.startsWith('relative') ? { ...noise, relative: 'elementwise' } : noise;
    const theirs = quantus!.values[name]!;
    // Quantus works in 32 bits, and the smallest change of the logits decides over output stability.
    expect((await value(name, options, explained(values))) / theirs).toBeCloseTo(1, 3);
  });

  it('the intersection of the top 20 pixels with the mask, and the entropy of a histogram are the same', async () => {
    const top = { top: 20 / size, skill: false };
    expect(await value('rank-accuracy', top)).toBeCloseTo(quantus!.values['top-k-intersection']!, 6);
    expect(histogramEntropy(attribution.data)).toBeCloseTo(quantus!.values['entropy of a histogram']!, 5);
  });
});

describe(`Captum ${captum!.version}`, () => {
  it('infidelity is the raw one, on the same sets', async () => {
    const { share, ...same } = sets;
    const { details } = await own('infidelity', { ...same, shares: [share] });
    expect(details!['raw']! / captum!.values['infidelity']!).toBeCloseTo(1, 5);
  });

  it('sensitivity is the same on the same noise', async () => {
    const found = await value('max-sensitivity', noise, explained(values));
    expect(found / captum!.values['max-sensitivity']!).toBeCloseTo(1, 5);
  });
});

describe(`Xplique ${xplique!.version}`, () => {
  it.each(['deletion', 'insertion'])('%s is the same', async name => {
    expect(await value(name, steps)).toBeCloseTo(xplique!.values[name]!, 6);
  });

  it('MuFidelity is the rank correlation on the same sets', async () => {
    const found = await value('faithfulness-correlation', { ...sets, correlation: 'spearman' });
    expect(found).toBeCloseTo(xplique!.values['mufidelity']!, 6);
  });

  it('average stability is avg-sensitivity that is not divided by the length of the map', async () => {
    const own = explained(values);
    const found = await value('avg-sensitivity', noise, own);
    expect((found * norm(own.data)) / xplique!.values['average-stability']!).toBeCloseTo(1, 5);
  });
});
