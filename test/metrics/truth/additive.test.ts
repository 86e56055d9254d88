import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../../src/builtin.ts';
import { analyticModel } from '../../../src/conformance/analytic.ts';
import { explainSubject } from '../../../src/conformance/subject.ts';
import { imageBatch } from '../../../src/core/batch.ts';
import { type Effects, type Explainer, type FullClassifier, isUndefined } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { effectsOf } from '../../../src/core/truth/effects.ts';
import { truthMap } from '../../../src/methods/shared/truth-map.ts';
import { causalContrast } from '../../../src/metrics/truth/causal-contrast.ts';
import { causalMass } from '../../../src/metrics/truth/causal-mass.ts';
import { causalRank } from '../../../src/metrics/truth/causal-rank.ts';
import { evaluate } from '../scene.ts';

// A classifier whose log-odds are a sum over pixels of functions that are not linear: of the lesion's pixels tanh 2x, of the
// letter's x². Effects add up, and follow from the functions' values. A patch that is as visible means nothing to it.
const SIDE = 24;
const N = SIDE * SIDE;
const NAMES = ['lesion', 'letter', 'patch'] as const;
type Name = (typeof NAMES)[number];
const ROLES = { lesion: 'lesion', letter: 'confounder', patch: 'distractor' } as const;
const AREA = 25;

/** A function and its slope. */
interface Part {
  readonly of: (x: number) => number;
  readonly slope: (x: number) => number;
}
const IGNORED: Part = { of: x => Math.max(0, x - 4), slope: x => (x > 4 ? 1 : 0) };
// Flat where the lesion is: its slope there is a twentieth of the letter's, its effect twice the letter's.
const LESION: Part = {
  of: x => (2 / AREA) * Math.tanh(2 * x),
  slope: x => (4 / AREA) * (1 - Math.tanh(2 * x) ** 2),
};
const LETTER: Part = { of: x => x ** 2 / AREA, slope: x => (2 * x) / AREA };
/** Which part of the image goes through which function. */
const MODELS = {
  both: { lesion: LESION, letter: LETTER, patch: IGNORED },
  letter: { lesion: IGNORED, letter: LETTER, patch: IGNORED },
} as const satisfies Record<string, Readonly<Record<Name, Part>>>;
type Model = keyof typeof MODELS;

interface Scene {
  readonly image: Tensor;
  /** The image without lesion, letter and patch. */
  readonly baseline: Tensor;
  readonly squares: Readonly<Record<Name, Float32Array>>;
}

function sceneOf(seed: number): Scene {
  const rng = createRng('additive').fork(seed);
  const square = (left: number) => {
    const top = 1 + rng.int(17);
    return Float32Array.from({ length: N }, (_, p) => {
      const [y, x] = [Math.floor(p / SIDE) - top, (p % SIDE) - left];
      return y >= 0 && y < 5 && x >= 0 && x < 5 ? 1 : 0;
    });
  };
  const squares = { lesion: square(1), letter: square(9), patch: square(17) };
  const without = Float32Array.from({ length: N }, () => 0.02 * rng.normal());
  const whole = without.map((v, p) => v + NAMES.reduce((sum, name) => sum + squares[name][p]!, 0));
  return { squares, image: tensor([SIDE, SIDE, 1], whole), baseline: tensor([SIDE, SIDE, 1], without) };
}

/** The layer has a channel for each square, before its function. */
function modelOf(name: Model, { squares }: Scene): FullClassifier {
  const parts = MODELS[name];
  const at = (p: number) => NAMES.find(square => squares[square][p] === 1);
  const margin = (x: ArrayLike<number>) =>
    Array.from(x).reduce((sum, v, p) => sum + (at(p) ? parts[at(p)!].of(v) : 0), 0);
  const scores = (s: number) => Float64Array.of(s / 2, -s / 2);
  const half = (seed: Float64Array) => (seed[0]! - seed[1]!) / 2;
  return analyticModel({
    id: `additive, ${name}`,
    spatial: [SIDE, SIDE],
    channels: 1,
    classes: ['yes', 'no'],
    logits: x => scores(margin(x)),
    gradient: (x, seed) => x.map((v, p) => (at(p) ? half(seed) * parts[at(p)!].slope(v) : 0)),
    backward: (x, seed, pass, reference) =>
      x.map((v, p) => {
        const part = at(p) && parts[at(p)!];
        if (!part) return 0;
        const other = reference[p]!;
        const [after, referenceAfter] = [part.of(v), part.of(other)];
        const through = { before: v, after, referenceBefore: other, referenceAfter, derivative: part.slope(v) };
        return half(seed) * pass(1, through);
      }),
    biases: () => [],
    layer: {
      name: 'parts',
      shape: [SIDE, SIDE, 3],
      activations: x =>
        Float32Array.from(
          { length: 3 * N },
          (_, i) => squares[NAMES[i % 3]!][Math.floor(i / 3)]! * x[Math.floor(i / 3)]!,
        ),
      gradient: (x, seed) =>
        Float32Array.from({ length: 3 * N }, (_, i) => {
          const [p, part] = [Math.floor(i / 3), NAMES[i % 3]!];
          return half(seed) * parts[part].slope(squares[part][p]! * x[p]!);
        }),
      logits: a => scores(a.reduce((sum, v, i) => sum + parts[NAMES[i % 3]!].of(v), 0)),
    },
  });
}

/** By algebra: of each square the sum of f(with) − f(without). */
function effectOf(name: Name, model: Model, { squares, image, baseline }: Scene): number {
  const { of } = MODELS[model][name];
  return squares[name].reduce((sum, v, p) => sum + v * (of(image.data[p]!) - of(baseline.data[p]!)), 0);
}

async function truthOf(model: Model, scene: Scene): Promise<Effects> {
  const { squares, image, baseline } = scene;
  const classifier = modelOf(model, scene);
  const margin = async (on: number) => {
    const data = baseline.data.map((v, p) =>
      NAMES.some((name, j) => on & (1 << j) && squares[name][p]) ? image.data[p]! : v,
    );
    const batch = imageBatch(tensor([SIDE, SIDE, 1], data));
    return (await classifier.score(batch, { class: 0, score: 'margin' }))[0]!;
  };
  const logOdds: number[] = [];
  for (let on = 0; on < 8; on++) logOdds.push(await margin(on));
  const factors = NAMES.map(name => ({ name, role: ROLES[name] }));
  return effectsOf({ factors, spatial: [SIDE, SIDE], changes: NAMES.map(n => squares[n].map(v => 400 * v)), logOdds });
}

const METRICS = [causalContrast, causalRank, causalMass];
async function valuesOf(map: Tensor, model: Model, scene: Scene): Promise<Record<string, number>> {
  const at = { model: modelOf(model, scene), ...scene, attribution: map };
  const effects = { effects: await truthOf(model, scene) };
  const values: Record<string, number> = {};
  for (const metric of METRICS) {
    const found = await evaluate(metric, at, {}, effects);
    if (isUndefined(found)) throw new Error(found.undefined);
    values[metric.name] = found.value;
  }
  return values;
}

const { explainers } = builtinRegistry();

/** Segments small enough that no two squares share one. */
const finer = ({ name }: Explainer) => (name === 'kernel-shap' ? { segments: 40 } : {});

async function mapBy(explainer: Explainer, name: Model, scene: Scene): Promise<Tensor> {
  const view = tensor(
    [SIDE, SIDE],
    scene.image.data.map(v => 0.3 + 0.5 * v),
  );
  const subject = {
    ...{ model: modelOf(name, scene), ...scene, view, spacing: [1.5, 1.5], windowRange: [1] },
    signal: new AbortController().signal,
  };
  const wrapped = explainer.wraps === undefined ? {} : { wrapped: explainers.get(explainer.wraps)! };
  const { result } = await explainSubject({
    ...{ explainer, subject, ...wrapped, options: { ...explainer.checks.options, ...finer(explainer) } },
    trainingImages: [scene.baseline],
  });
  if (isUndefined(result)) throw new Error(result.undefined);
  return result.map;
}
const methods = [...explainers.values()].filter(
  e => e.role === 'method' && !e.requiresOf(e.options.parse(e.checks.options ?? {})).includes('attention'),
);

/** Explainers that read the slope at the image. */
const SLOPES: readonly string[] = [
  ...['saliency', 'input-x-gradient', 'smoothgrad', 'smoothgrad-squared', 'vargrad', 'guided-backprop', 'fullgrad'],
  ...['xgrad-cam', 'hires-cam', 'layer-cam'],
];
/** Explainers whose pixels are the functions' differences, so that all mass is where the effects are. */
const EXACT: readonly string[] = ['integrated-gradients', 'expected-gradients', 'deeplift'];
/** Explainers that do not follow the classifier here, and are held below. */
const OTHERS: Readonly<Record<string, string>> = {
  deconvnet: 'leaves out slopes',
  'eigen-cam': 'looks at the layer alone',
};

/** Causal rank of a map that has the letter before the lesion and both before the patch. */
function orderBySlopes(model: Model, scene: Scene): number {
  if (model === 'letter') return 1;
  const [lesion, letter, patch] = NAMES.map(name => effectOf(name, model, scene)) as [number, number, number];
  const right = lesion - patch + (letter - patch);
  return right / (right + lesion - letter);
}

describe('by the truth about an additive classifier that is not linear', () => {
  it('effects are the sums of the functions, and do not interact', async () => {
    for (const model of ['both', 'letter'] as const) {
      const scene = sceneOf(1);
      const { factors, interaction } = await truthOf(model, scene);
      expect(interaction).toBeCloseTo(0, 8);
      for (const { name, effect } of factors) expect(effect).toBeCloseTo(effectOf(name as Name, model, scene), 5);
    }
  });

  it.each(methods.filter(e => !(e.name in OTHERS)).map(e => [e.name, e] as const))(
    '%s prefers what the classifier uses, and has the order of its effects',
    async (name, explainer) => {
      const scene = sceneOf(1);
      for (const model of ['both', 'letter'] as const) {
        const values = await valuesOf(await mapBy(explainer, model, scene), model, scene);
        expect(values['causal-contrast']).toBe(1);
        // Where functions are flat, slopes put the letter before the lesion: one of three orders is wrong.
        const rank = SLOPES.includes(name) ? orderBySlopes(model, scene) : 1;
        expect(values['causal-rank']).toBeCloseTo(rank, 5);
        if (EXACT.includes(name)) expect(values['causal-mass']).toBeGreaterThan(0.999);
        if (SLOPES.includes(name) && model === 'both') expect(values['causal-mass']).toBeLessThan(0.7);
      }
    },
  );

  it('the truth is right, and what draws the lesion whatever the classifier does loses where the letter is used', async () => {
    for (const seed of [1, 2, 3]) {
      const scene = sceneOf(seed);
      for (const model of ['both', 'letter'] as const) {
        const truth = truthMap(await truthOf(model, scene), [SIDE, SIDE]) as Tensor;
        const values = await valuesOf(truth, model, scene);
        expect(values).toMatchObject({ 'causal-contrast': 1, 'causal-rank': 1 });
        expect(values['causal-mass']).toBeCloseTo(1, 6);
      }
      const drawn = tensor([SIDE, SIDE], scene.squares.lesion);
      // Letter and patch are tied; the lesion has more than the letter.
      expect(await valuesOf(drawn, 'both', scene)).toMatchObject({ 'causal-contrast': 0.75 });
      const found = await valuesOf(drawn, 'letter', scene);
      expect(found).toMatchObject({ 'causal-contrast': 0.25, 'causal-rank': 0.25 });
      expect(found['causal-mass']).toBeLessThan(0);
    }
  });

  it('deconvnet, which leaves out the functions’ slopes, ties everything', async () => {
    const scene = sceneOf(1);
    for (const model of ['both', 'letter'] as const) {
      const map = await mapBy(explainers.get('deconvnet')!, model, scene);
      expect(await valuesOf(map, model, scene)).toMatchObject({ 'causal-contrast': 0.5, 'causal-rank': 0.5 });
    }
  });

  it('eigen-cam, which looks at the layer alone, has one map for both classifiers', async () => {
    const scene = sceneOf(1);
    const [one, other] = await Promise.all(
      (['both', 'letter'] as const).map(model => mapBy(explainers.get('eigen-cam')!, model, scene)),
    );
    expect([...one!.data]).toEqual([...other!.data]);
    expect((await valuesOf(one!, 'both', scene))['causal-rank']).toBeLessThan(1);
  });
});

// Models whose tokens attend by place. The score is Σ A·w·m over the patches' means m: linear in the image.
const GRID = 4;
const PATCH = SIDE / GRID;
const [USED, VISIBLE] = [5, 10];

/** Attention of the class token, and what a patch's mean adds to the score where it is attended to. */
const ATTENTION = {
  // Both patches are attended to, one counts.
  'by values': {
    attends: (t: number) => (t === USED || t === VISIBLE ? 0.3 : 0.4 / 14),
    counts: (t: number) => (t === USED ? 8 : 0),
  },
  // One patch is attended to; all would count.
  'by attention': { attends: (t: number) => (t === USED ? 1 : 0), counts: () => 3 },
};
type Attending = keyof typeof ATTENTION;

const patchOf = (p: number) => GRID * Math.floor(Math.floor(p / SIDE) / PATCH) + Math.floor((p % SIDE) / PATCH);
const inPatch = (t: number) => Float32Array.from({ length: N }, (_, p) => (patchOf(p) === t ? 1 : 0));

function attentive(name: Attending): FullClassifier {
  const { attends, counts } = ATTENTION[name];
  const patches = Array.from({ length: GRID ** 2 }, (_, t) => t);
  const meanOf = (x: Float32Array, t: number) =>
    x.reduce((sum, v, p) => sum + (patchOf(p) === t ? v : 0), 0) / PATCH ** 2;
  const tokens = 1 + patches.length;
  return analyticModel({
    id: name,
    spatial: [SIDE, SIDE],
    channels: 1,
    classes: ['yes', 'no'],
    logits: x => {
      const score = patches.reduce((sum, t) => sum + attends(t) * counts(t) * meanOf(x, t), 0);
      return Float64Array.of(score / 2, -score / 2);
    },
    attention(x, seed) {
      const shape = [1, tokens, tokens];
      const weights = tensor(shape);
      // Other tokens attend to themselves; the class token to the patches.
      for (const t of patches) weights.data[(1 + t) * (tokens + 1)] = 1;
      for (const t of patches) weights.data[1 + t] = attends(t);
      const grid = [GRID, GRID] as const;
      if (!seed) return { blocks: [{ name: 'block', weights }], grid, extraTokens: 1 };
      const gradients = tensor(shape);
      for (const t of patches) gradients.data[1 + t] = ((seed[0]! - seed[1]!) / 2) * counts(t) * meanOf(x, t);
      return { blocks: [{ name: 'block', weights, gradients }], grid, extraTokens: 1 };
    },
  });
}

async function attentionValues(explainer: string, name: Attending): Promise<number> {
  const model = attentive(name);
  const [used, seen] = [inPatch(USED), inPatch(VISIBLE)];
  const rng = createRng('attention');
  const without = Float32Array.from({ length: N }, () => 0.01 * rng.normal());
  const withParts = (on: number) =>
    tensor(
      [SIDE, SIDE, 1],
      without.map((v, p) => v + (on & 1 ? used[p]! : 0) + (on & 2 ? seen[p]! : 0)),
    );
  const scores = await model.score(imageBatch(...[0, 1, 2, 3].map(withParts)), { class: 0, score: 'margin' });
  const factors = [
    { name: 'lesion', role: 'lesion' as const },
    { name: 'patch', role: 'distractor' as const },
  ];
  const effects = effectsOf({
    factors,
    spatial: [SIDE, SIDE],
    changes: [used, seen].map(r => r.map(v => 400 * v)),
    logOdds: scores,
  });
  const { attends, counts } = ATTENTION[name];
  expect(effects.factors[0]!.effect).toBeCloseTo(attends(USED) * counts(USED), 5);
  expect(effects.factors[1]!.effect).toBeCloseTo(0, 5);
  const [image, baseline] = [withParts(3), withParts(0)];
  const view = tensor(
    [SIDE, SIDE],
    image.data.map(v => 0.3 + 0.5 * v),
  );
  const subject = {
    model,
    image,
    baseline,
    view,
    spacing: [1.5, 1.5],
    windowRange: [1],
    signal: new AbortController().signal,
  };
  const { result } = await explainSubject({
    explainer: explainers.get(explainer)!,
    subject,
    options: {},
    trainingImages: [],
  });
  if (isUndefined(result)) throw new Error(result.undefined);
  const found = await evaluate(causalContrast, { model, image, baseline, attribution: result.map }, {}, { effects });
  if (isUndefined(found)) throw new Error(found.undefined);
  return found.value;
}

describe('by the truth about classifiers that attend by place', () => {
  it('every explainer of attention is held', () => {
    const others = [...explainers.values()].filter(e => e.role === 'method' && !methods.includes(e));
    expect(others.map(e => e.name).sort()).toEqual(['attention-relevance', 'attention-rollout']);
  });

  it.each(['by values', 'by attention'] as const)('attention relevance finds the patch that counts %s', async name => {
    expect(await attentionValues('attention-relevance', name)).toBe(1);
  });

  it('attention rollout finds what is attended to, and does not see whether it counts', async () => {
    expect(await attentionValues('attention-rollout', 'by attention')).toBe(1);
    expect(await attentionValues('attention-rollout', 'by values')).toBe(0.5);
  });
});
