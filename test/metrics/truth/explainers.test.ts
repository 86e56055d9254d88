import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../../src/builtin.ts';
import { analyticModel } from '../../../src/conformance/analytic.ts';
import { explainSubject } from '../../../src/conformance/subject.ts';
import { type Effects, type Explainer, type FullClassifier, isUndefined } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { effectsOf } from '../../../src/core/truth/effects.ts';
import { truthMap } from '../../../src/methods/shared/truth-map.ts';
import { causalContrast } from '../../../src/metrics/truth/causal-contrast.ts';
import { causalMass } from '../../../src/metrics/truth/causal-mass.ts';
import { causalRank } from '../../../src/metrics/truth/causal-rank.ts';
import { evaluate } from '../scene.ts';

// Two squares that are as visible; a classifier that adds up the pixels of one of them. All effects follow by algebra.
const SIDE = 24;
const N = SIDE * SIDE;
const EFFECT = 2;
const CHANGE = 0.5;
const NAMES = ['lesion', 'patch'] as const;
type Used = (typeof NAMES)[number];

interface Scene {
  readonly image: Tensor;
  readonly baseline: Tensor;
  readonly squares: Readonly<Record<Used, Float32Array>>;
}

function sceneOf(seed: number): Scene {
  const rng = createRng('explainers by truth').fork(seed);
  const square = (top: number, left: number) =>
    Float32Array.from({ length: N }, (_, p) => {
      const [y, x] = [Math.floor(p / SIDE) - top, (p % SIDE) - left];
      return y >= 0 && y < 6 && x >= 0 && x < 6 ? 1 : 0;
    });
  const squares = { lesion: square(rng.int(18), 1 + rng.int(4)), patch: square(rng.int(18), 13 + rng.int(4)) };
  const without = Float32Array.from({ length: N }, () => -0.2 + 0.02 * rng.normal());
  const whole = without.map((v, p) => v + CHANGE * (squares.lesion[p]! + squares.patch[p]!));
  return { squares, image: tensor([SIDE, SIDE, 1], whole), baseline: tensor([SIDE, SIDE, 1], without) };
}

/** z = Σ w·x over one square. Its layer has a channel for each square, of which the classifier reads one. */
function modelUsing(used: Used, { squares }: Scene): FullClassifier {
  const weight = EFFECT / (CHANGE * squares[used].reduce((a, b) => a + b, 0));
  const sum = (seed: Float64Array) => squares[used].map(inside => (seed[0]! - seed[1]!) * (weight / 2) * inside);
  const scores = (s: number) => Float64Array.of(s / 2, -s / 2);
  return analyticModel({
    id: `uses the ${used}`,
    spatial: [SIDE, SIDE],
    channels: 1,
    classes: ['yes', 'no'],
    logits: x => scores(weight * squares[used].reduce((s, inside, p) => s + inside * x[p]!, 0)),
    gradient: (_, seed) => sum(seed),
    backward: (_, seed) => sum(seed),
    biases: () => [],
    layer: {
      name: 'squares',
      shape: [SIDE, SIDE, 2],
      activations: x => Float32Array.from({ length: 2 * N }, (_, i) => squares[NAMES[i % 2]!][i >> 1]! * x[i >> 1]!),
      gradient: (_, seed) =>
        Float32Array.from({ length: 2 * N }, (_, i) =>
          NAMES[i % 2] === used ? ((seed[0]! - seed[1]!) * weight) / 2 : 0,
        ),
      logits: a => scores(weight * a.reduce((s, v, i) => s + (NAMES[i % 2] === used ? v : 0), 0)),
    },
  });
}

function truthOf(used: Used, { squares }: Scene): Effects {
  const does = (name: Used) => (name === used ? EFFECT : 0);
  return effectsOf({
    factors: [
      { name: 'lesion', role: 'lesion' },
      { name: 'patch', role: 'distractor' },
    ],
    spatial: [SIDE, SIDE],
    changes: NAMES.map(name => squares[name].map(v => 400 * v)),
    logOdds: [0, does('lesion'), does('patch'), EFFECT],
  });
}

const METRICS = [causalContrast, causalRank, causalMass];

async function valuesOf(map: Tensor, used: Used, scene: Scene): Promise<Record<string, number>> {
  const other = NAMES.find(name => name !== used)!;
  const at = { model: modelUsing(used, scene), ...scene, attribution: map };
  const effects = { effects: truthOf(used, scene), otherEffects: truthOf(other, scene) };
  const values: Record<string, number> = {};
  for (const metric of METRICS) {
    const found = await evaluate(metric, at, {}, effects);
    if (isUndefined(found)) throw new Error(found.undefined);
    values[metric.name] = found.value;
    if (found.details?.swap !== undefined) values.swap = found.details.swap;
  }
  return values;
}

const { explainers } = builtinRegistry();

async function mapBy(explainer: Explainer, used: Used, scene: Scene): Promise<Tensor> {
  const view = tensor(
    [SIDE, SIDE],
    scene.image.data.map(v => v + 0.5),
  );
  const model = modelUsing(used, scene);
  const signal = new AbortController().signal;
  const subject = { model, ...scene, view, spacing: [1.5, 1.5], windowRange: [1], signal };
  const wrapped = explainer.wraps === undefined ? {} : { wrapped: explainers.get(explainer.wraps)! };
  const { result } = await explainSubject({
    ...{ explainer, subject, ...wrapped, options: explainer.checks.options },
    trainingImages: [scene.baseline],
  });
  if (isUndefined(result)) throw new Error(result.undefined);
  return result.map;
}

/** Explainers whose maps are the same for both classifiers, and why. */
const BLIND: Readonly<Record<string, string>> = { 'eigen-cam': 'looks at the layer alone' };
/** Without a map of a linear classifier, by definition. */
const UNDEFINED: readonly string[] = ['vargrad'];
const methods = [...explainers.values()].filter(
  e => e.role === 'method' && !e.requiresOf(e.options.parse(e.checks.options ?? {})).includes('attention'),
);

describe('by the truth about a linear classifier', () => {
  it.each(
    methods.filter(e => BLIND[e.name] === undefined && !UNDEFINED.includes(e.name)).map(e => [e.name, e] as const),
  )('%s follows what the classifier uses', async (_, explainer) => {
    const scene = sceneOf(1);
    for (const used of NAMES) {
      const values = await valuesOf(await mapBy(explainer, used, scene), used, scene);
      expect(values).toMatchObject({ 'causal-contrast': 1, 'causal-rank': 1, swap: 1 });
      // None is ahead of the truth, which has all of its mass where it belongs.
      const truth = await valuesOf(truthMap(truthOf(used, scene), [SIDE, SIDE]) as Tensor, used, scene);
      expect(truth).toEqual({ 'causal-contrast': 1, 'causal-rank': 1, 'causal-mass': 1, swap: 1 });
      expect(values['causal-mass']).toBeGreaterThan(0);
      expect(values['causal-mass']).toBeLessThanOrEqual(1 + 1e-6);
    }
  });

  it.each(Object.entries(BLIND))('%s, which %s, swaps to 0 over both classifiers', async name => {
    const scene = sceneOf(1);
    const swaps = await Promise.all(
      NAMES.map(async used => (await valuesOf(await mapBy(explainers.get(name)!, used, scene), used, scene)).swap!),
    );
    expect(swaps[0]! + swaps[1]!).toBe(0);
  });

  it.each(UNDEFINED)('%s has no map', async name => {
    await expect(mapBy(explainers.get(name)!, 'lesion', sceneOf(1))).rejects.toThrow('the same for all noisy copies');
  });

  it('what draws the lesion whatever the classifier does loses where the patch is used', async () => {
    for (const seed of [1, 2, 3]) {
      const scene = sceneOf(seed);
      const drawn = tensor([SIDE, SIDE], scene.squares.lesion);
      expect(await valuesOf(drawn, 'lesion', scene)).toMatchObject({ 'causal-contrast': 1, swap: 1 });
      const other = await valuesOf(drawn, 'patch', scene);
      expect(other).toMatchObject({ 'causal-contrast': 0, 'causal-rank': 0, swap: -1 });
      expect(other['causal-mass']).toBeLessThan(0);
    }
  });
});
