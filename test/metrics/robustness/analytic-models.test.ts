import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../../src/conformance/index.ts';
import type { ExplainAgain } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { pearson } from '../../../src/core/statistics/correlation.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { avgSensitivity } from '../../../src/metrics/robustness/avg-sensitivity.ts';
import { coherence } from '../../../src/metrics/robustness/coherence.ts';
import { localLipschitz } from '../../../src/metrics/robustness/local-lipschitz.ts';
import { maxSensitivity } from '../../../src/metrics/robustness/max-sensitivity.ts';
import { relativeInputStability } from '../../../src/metrics/robustness/relative-input-stability.ts';
import { relativeOutputStability } from '../../../src/metrics/robustness/relative-output-stability.ts';
import { repeatability } from '../../../src/metrics/robustness/repeatability.ts';
import { translationEquivariance } from '../../../src/metrics/robustness/translation-equivariance.ts';
import { areaOf, map, type Scene, scoreOf } from '../scene.ts';

// Maps that change with the image by a formula: gradients of curved models.
const SIDE = 16;
const N = SIDE * SIDE;
const rng = createRng('curved models');
const values = Array.from({ length: N }, () => 0.3 + 0.4 * rng.next());
const image = tensor([SIDE, SIDE, 1], Float32Array.from(values));

interface Curved {
  readonly margin: (x: ArrayLike<number>) => number;
  readonly gradient: (x: ArrayLike<number>) => number[];
}

function sceneOf({ margin, gradient }: Curved, of: Tensor = image): Scene {
  const model = analyticModel({
    id: 'curved',
    spatial: [SIDE, SIDE],
    channels: 1,
    classes: ['a', 'b'],
    logits: x => Float64Array.of(100 + margin(x), 0),
  });
  return {
    model,
    image: of,
    baseline: tensor([SIDE, SIDE, 1]),
    view: map(SIDE, SIDE, of.data),
    attribution: map(SIDE, SIDE, gradient(of.data)),
  };
}

/** The gradient of the image that is asked for, which is kept. */
function explaining({ gradient }: Pick<Curved, 'gradient'>) {
  const asked: ExplainAgain[] = [];
  const explain = async (request: ExplainAgain) => {
    asked.push(request);
    return { map: map(SIDE, SIDE, gradient(request.image.data)) };
  };
  return { asked, more: { explain } };
}

const length = (v: readonly number[]) => Math.sqrt(v.reduce((sum, a) => sum + a * a, 0));
const minus = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a, (v, i) => v - b[i]!);

/** ½ xᵀ A x: neighbours in a ring are coupled, so that the gradient A x changes by A δ. */
const own = Array.from({ length: N }, () => 1 + rng.next());
const coupling = Array.from({ length: N }, () => rng.normal());
const times = (x: ArrayLike<number>) =>
  own.map((a, i) => a * x[i]! + coupling[i]! * x[(i + 1) % N]! + coupling[(i + N - 1) % N]! * x[(i + N - 1) % N]!);
const quadratic: Curved = {
  margin: x => times(x).reduce((sum, v, i) => sum + (v * x[i]!) / 2, 0),
  gradient: times,
};
/** ‖A‖, by its Frobenius and its spectral norm. */
const frobenius = Math.sqrt(own.reduce((sum, a, i) => sum + a * a + 2 * coupling[i]! ** 2, 0));
const spectral = (() => {
  let v: number[] = own.map(() => rng.normal());
  let norm = 0;
  for (let i = 0; i < 500; i++) {
    v = times(v);
    norm = length(v);
    v = v.map(a => a / norm);
  }
  return norm;
})();

describe('a quadratic form, whose gradient is A x', () => {
  const uniform = { noise: 'uniform', radius: 0.05, draws: 60 };

  it('local Lipschitz: ‖A δ‖ / ‖δ‖, about ‖A‖ / √N on average, and no more than the spectral norm', async () => {
    const { more } = explaining(quadratic);
    const { value, details } = await scoreOf(localLipschitz, sceneOf(quadratic), uniform, more);
    expect(details!['mean']! / (frobenius / Math.sqrt(N))).toBeCloseTo(1, 1);
    expect(value).toBeGreaterThan(details!['mean']!);
    expect(value).toBeLessThan(spectral);
  });

  it('sensitivities: ‖A δ‖ / ‖A x‖, in proportion to the noise', async () => {
    const { more } = explaining(quadratic);
    const expected = (frobenius * 0.05) / Math.sqrt(3) / length(times(values));
    for (const radius of [0.05, 0.1]) {
      const { value, error } = await scoreOf(avgSensitivity, sceneOf(quadratic), { ...uniform, radius }, more);
      expect(value / ((expected * radius) / 0.05)).toBeCloseTo(1, 1);
      // Of sixty copies that differ by some hundredths.
      expect(error! / value).toBeLessThan(0.02);
      expect(await areaOf(maxSensitivity, sceneOf(quadratic), { ...uniform, radius }, more)).toBeGreaterThan(value);
    }
  });

  it('relative stabilities: over ‖δ‖ / ‖x‖ and over x A δ + ½ δ A δ', async () => {
    const options = { ...uniform, draws: 6 };
    const { asked, more } = explaining(quadratic);
    const found = await areaOf(relativeInputStability, sceneOf(quadratic), options, more);
    const before = length(times(image.data));
    const changes = asked.map(({ image: copy }) => ({
      delta: minus(copy.data, image.data),
      map: length(minus(times(copy.data), times(image.data))) / before,
    }));
    const over = (by: (delta: readonly number[]) => number) => Math.max(...changes.map(c => c.map / by(c.delta)));
    expect(found).toBeCloseTo(
      over(delta => length(delta) / length([...image.data])),
      4,
    );
    const dot = (a: readonly number[], b: ArrayLike<number>) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
    const byLogit = over(delta => Math.abs(dot(times(delta), image.data) + dot(times(delta), delta) / 2));
    const output = await areaOf(relativeOutputStability, sceneOf(quadratic), options, more);
    expect(output / byLogit).toBeCloseTo(1, 2);
  });
});

describe('waves: Σ sin(k xᵢ), whose gradient k cos(k xᵢ) turns the faster the greater k', () => {
  const waves = (k: number): Curved => ({
    margin: x => Array.from(x).reduce((sum, v) => sum + Math.sin(k * v), 0),
    gradient: x => Array.from(x, v => k * Math.cos(k * v)),
  });

  it('are more sensitive by far than a smooth model, as the formula says', async () => {
    const options = { noise: 'uniform', radius: 0.05, draws: 8 };
    const measured = async (k: number) => {
      const { asked, more } = explaining(waves(k));
      const value = await areaOf(maxSensitivity, sceneOf(waves(k)), options, more);
      const { gradient } = waves(k);
      const expected = asked.map(
        ({ image: copy }) => length(minus(gradient(copy.data), gradient(image.data))) / length(gradient(image.data)),
      );
      expect(value).toBeCloseTo(Math.max(...expected), 5);
      return value;
    };
    expect(await measured(1)).toBeLessThan(0.05);
    // Noise of a twentieth is a whole turn: the maps have nothing in common, and are √2 apart.
    expect(await measured(130)).toBeCloseTo(Math.SQRT2, 0.5);
  });
});

describe('the gradient of Σ wᵢ xᵢ², 2 wᵢ xᵢ', () => {
  const weighted = (w: (i: number) => number): Curved => ({
    margin: x => Array.from(x).reduce((sum, v, i) => sum + w(i) * v * v, 0),
    gradient: x => Array.from(x, (v, i) => 2 * w(i) * v),
  });
  const across = (i: number) => 1 + (i % SIDE) / 4;
  const options = { shifts: 6, reach: 3 };
  const inMm = (scene: Scene): Scene => ({ ...scene, spacing: [1, 1] });

  it('moves with the image where all pixels weigh the same', async () => {
    const even = weighted(() => 1.5);
    expect(await areaOf(translationEquivariance, inMm(sceneOf(even)), options, explaining(even).more)).toBe(0);
  });

  it('else is off by how much the weights differ between the two places', async () => {
    const uneven = weighted(across);
    const { asked, more } = explaining(uneven);
    const value = await areaOf(translationEquivariance, inMm(sceneOf(uneven)), options, more);
    const expected = asked.map(({ key }) => {
      const [rows, columns] = key.match(/-?\d+/g)!.map(Number) as [number, number];
      let [difference, all] = [0, 0];
      for (let y = 0; y < SIDE; y++) {
        for (let x = 0; x < SIDE; x++) {
          if (y + rows < 0 || y + rows >= SIDE || x + columns < 0 || x + columns >= SIDE) continue;
          const v = image.data[y * SIDE + x]!;
          difference += ((across(x + columns) - across(x)) * v) ** 2;
          all += (across(x) * v) ** 2;
        }
      }
      return Math.sqrt(difference / all);
    });
    expect(asked).toHaveLength(6);
    expect(value).toBeCloseTo(expected.reduce((a, b) => a + b, 0) / 6, 5);
  });

  it('coherence: the correlation of w x with w x ã', async () => {
    const uneven = weighted(across);
    const scene = sceneOf(uneven);
    const shown = [...scene.attribution.data];
    const [low, high] = [Math.min(...shown), Math.max(...shown)];
    const again = shown.map(v => (v * (v - low)) / (high - low));
    expect(await areaOf(coherence, scene, {}, explaining(uneven).more)).toBeCloseTo(pearson(shown, again)!, 5);
  });
});

it('repeatability of a signal with noise: (6 / π) asin(ρ / 2), ρ the share of the variance that stays', async () => {
  const draws = createRng('repeats');
  const signal = Array.from({ length: N }, () => draws.normal());
  for (const sigma of [0.3, 1, 3]) {
    const noisy = () =>
      map(
        SIDE,
        SIDE,
        signal.map(v => v + sigma * draws.normal()),
      );
    const scene = { ...sceneOf(quadratic), attribution: noisy() };
    const found = await areaOf(repeatability, scene, { repeats: 12 }, { explain: async () => ({ map: noisy() }) });
    const expected = (6 / Math.PI) * Math.asin(1 / (1 + sigma ** 2) / 2);
    expect(Math.abs(found - expected), `σ ${sigma}`).toBeLessThan(0.06);
  }
});

it('one copy, or one shift, tells nothing of the error of a mean', async () => {
  const { more } = explaining(quadratic);
  const near = { noise: 'uniform', radius: 0.05 };
  expect(await scoreOf(avgSensitivity, sceneOf(quadratic), { ...near, draws: 1 }, more)).not.toHaveProperty('error');
  expect(await scoreOf(avgSensitivity, sceneOf(quadratic), { ...near, draws: 2 }, more)).toHaveProperty('error');
  const scene: Scene = { ...sceneOf(quadratic), spacing: [1, 1] };
  expect(await scoreOf(translationEquivariance, scene, { reach: 3, shifts: 1 }, more)).not.toHaveProperty('error');
});
