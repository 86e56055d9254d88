import { describe, expect, it } from 'vitest';
import { attentionModel } from '../../src/conformance/attention-model.ts';
import { linearModel, smoothModel } from '../../src/conformance/models.ts';
import { explainSubject, subjectFor } from '../../src/conformance/subject.ts';
import { imageBatch } from '../../src/core/batch.ts';
import type { Capability, FullClassifier, LayerValues, ScoreKind, Target } from '../../src/core/contracts/index.ts';
import { defineExplainer } from '../../src/core/define.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { random } from '../../src/methods/random.ts';

const kinds: ScoreKind[] = ['logit', 'margin', 'probability'];
const models = {
  linear: linearModel({ height: 4, width: 5, channels: 2, seed: 3 }),
  smooth: smoothModel({ height: 5, width: 4, channels: 2, seed: 3 }),
};

async function scoreOf(model: FullClassifier, image: Tensor, target: Target): Promise<number> {
  const scores = await model.scores(imageBatch(image), { as: target.score });
  return scores.data[target.class]!;
}

describe.each(Object.entries(models))('%s model', (_, model) => {
  const { image } = subjectFor(model, 1);

  it.each(kinds)('gradient of the %s is the central difference', async score => {
    const target = { class: 1, score };
    const gradient = new Float32Array(image.data.length);
    let given = Number.NaN;
    await model.gradients(imageBatch(image), target, (_i, g, s) => {
      gradient.set(g);
      given = s;
    });
    expect(given).toBeCloseTo(await scoreOf(model, image, target), 5);
    const h = 0.01;
    for (let k = 0; k < image.data.length; k += 7) {
      const moved = (by: number) =>
        tensor(
          image.shape,
          image.data.map((v, i) => (i === k ? v + by : v)),
        );
      const difference = (await scoreOf(model, moved(h), target)) - (await scoreOf(model, moved(-h), target));
      expect(difference / (2 * h)).toBeCloseTo(gradient[k]!, 3);
    }
  });

  it('margin is the log-odds of the probability', async () => {
    const [p, f] = [
      await scoreOf(model, image, { class: 0, score: 'probability' }),
      await scoreOf(model, image, { class: 0, score: 'margin' }),
    ];
    expect(Math.log(p / (1 - p))).toBeCloseTo(f, 4);
    const all = await model.scores(imageBatch(image), { as: 'probability' });
    expect(all.data.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  });

  it('refuses an aborted signal and an unknown layer', async () => {
    const signal = AbortSignal.abort();
    await expect(model.scores(imageBatch(image), { as: 'logit', signal })).rejects.toThrow();
    await expect(model.layer(imageBatch(image), { class: 0, score: 'logit' }, 'nowhere')).rejects.toThrow(/no layer/);
  });
});

it('layer gradients times a small change of the activations give the change of the score', async () => {
  // A shift of the first image towards the second moves the activations; to first order the score follows.
  const model = models.smooth;
  const { image } = subjectFor(model, 1);
  const step = 1e-3;
  const moved = tensor(
    image.shape,
    image.data.map((v, i) => v + step * Math.sin(i)),
  );
  const target = { class: 2, score: 'margin' } as const;
  const { activations: a, gradients: g, layer } = await model.layer(imageBatch(image, moved), target, undefined);
  expect(layer).toBe('features');
  const half = a.data.length / 2;
  let predicted = 0;
  for (let i = 0; i < half; i++) predicted += g.data[i]! * (a.data[half + i]! - a.data[i]!);
  const change = (await scoreOf(model, moved, target)) - (await scoreOf(model, image, target));
  expect(Math.abs(change)).toBeGreaterThan(1e-5);
  expect(predicted / change).toBeCloseTo(1, 1);
});

it('activations are run on to the scores of their image, and each ability that is missing says why', async () => {
  const { smooth, linear } = models;
  const { image } = subjectFor(smooth, 1);
  const [{ activations }] = (await smooth.activations(imageBatch(image), [undefined])) as [LayerValues];
  const batch = { count: 1, write: (_: number, out: Float32Array) => out.set(activations.data) };
  const { data } = await smooth.continueFrom('features', batch, { as: 'margin', image });
  const want = (await smooth.scores(imageBatch(image), { as: 'margin' })).data;
  for (const [c, v] of want.entries()) expect(data[c]).toBeCloseTo(v, 4);
  expect([...smooth.capabilities]).toEqual([
    'gradients',
    'backward-rules',
    'activations',
    'layers',
    'continuation',
    'bias-gradients',
  ]);
  expect([...linear.capabilities]).toEqual(['gradients', 'backward-rules']);
  for (const model of [smooth, linear]) {
    const all = ['gradients', 'backward-rules', 'activations', 'layers', 'continuation', 'bias-gradients', 'attention'];
    const missing = all.filter(name => !model.capabilities.has(name as Capability));
    expect(Object.keys(model.runtime.limitations ?? {}).sort()).toEqual(missing.sort());
  }
  await expect(linear.attention(imageBatch(image), { class: 0, score: 'logit' })).rejects.toThrow(/no attention/);
});

it('attention has rows that are shares, and gradients of the class token alone', async () => {
  const model = attentionModel({ height: 6, width: 4, seed: 2 });
  const { image } = subjectFor(model, 3);
  const target = { class: 1, score: 'logit' } as const;
  const { blocks, grid, extraTokens } = await model.attention(imageBatch(image), target);
  expect([...grid, extraTokens]).toEqual([3, 2, 1]);
  const { weights, gradients } = blocks[0]!;
  for (let from = 0; from < weights.data.length; from += 7) {
    expect(weights.data.slice(from, from + 7).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  }
  // Only the class token is read: the first row of each head, whose products with the weights are not all zero.
  gradients!.data.forEach((g, i) => void (i % 49 < 7 ? expect(g).not.toBe(0) : expect(g).toBe(0)));
});

const ABILITIES: readonly [Capability, readonly string[]][] = [
  ['gradients', ['gradients']],
  ['backward-rules', ['gradients']],
  ['activations', ['layers', 'activations']],
  ['layers', ['layers', 'layer', 'layerGradients']],
  ['continuation', ['layers', 'activations', 'continueFrom']],
  ['bias-gradients', ['biasGradients']],
  ['attention', ['attention']],
];

it.each(ABILITIES)('explainSubject offers what %s declares, and no other ability', async (capability, offered) => {
  const all = new Set(ABILITIES.flatMap(([, methods]) => methods));
  let seen: string[] = [];
  const explainer = defineExplainer({
    name: 'looks',
    title: 'Looks',
    cite: 'none',
    kind: 'ranking',
    requires: [capability],
    async explain({ model, image }) {
      seen = [...all].filter(name => name in model);
      if (capability === 'gradients') {
        const { gradients } = model as unknown as FullClassifier;
        const options = { rules: { name: 'guided-backprop' } };
        const asked = gradients(imageBatch(image), { class: 0, score: 'logit' }, () => undefined, options);
        await expect(asked).rejects.toThrow(/not declared/);
      }
      return { undefined: 'it only looks' };
    },
  });
  await explainSubject({ explainer, subject: subjectFor(models.smooth, 0) });
  expect(seen.sort()).toEqual([...offered].sort());
});

it('meters add up, and only on the metered view', async () => {
  const counts = { forward: 0, backward: 0 };
  const meter = {
    forward: (n: number) => {
      counts.forward += n;
    },
    backward: (n: number) => {
      counts.backward += n;
    },
  };
  const { smooth } = models;
  const { image } = subjectFor(smooth, 1);
  const metered = smooth.metered(meter) as FullClassifier;
  await metered.scores(imageBatch(image, image), { as: 'logit' });
  await smooth.scores(imageBatch(image), { as: 'logit' });
  await metered.gradients(imageBatch(image), { class: 0, score: 'logit' }, () => {});
  expect(counts).toEqual({ forward: 3, backward: 1 });
});

it('explainSubject counts passes and parses options', async () => {
  const subject = subjectFor(models.linear, 0);
  expect(await explainSubject({ explainer: random, subject })).toMatchObject({ forward: 0, backward: 0 });
  await expect(explainSubject({ explainer: random, subject, options: { x: 1 } })).rejects.toThrow();
});
