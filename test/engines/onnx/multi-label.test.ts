import { afterAll, describe, expect, it } from 'vitest';
import type { FullClassifier, ScoreKind } from '../../../src/core/contracts/index.ts';
import { refusal, usingCard } from './cases.ts';
import { cardFor, difference, images, smallNet, temporary } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());
const file = folder.write('model.onnx', smallNet({ units: 3, tail: 'Sigmoid' }));
const card = cardFor(file, { classes: ['effusion', 'mass', 'nodule'], task: 'multi-label', emits: 'probabilities' });

const x = images('multi-label', [1, 8, 8, 1]).data;
const at = (image: Float32Array) => ({ count: 1, write: (_: number, out: Float32Array) => out.set(image) });
const scoresOf = async (model: FullClassifier, as: ScoreKind, image = x) => [
  ...(await model.scores(at(image), { as })).data,
];

describe.each(['logits', 'output'] as const)('findings that do not exclude each other, explained at %s', explainAt => {
  it('have scores of their own: log-odds, and probabilities that need not sum to 1', async () => {
    await usingCard({ ...card, explainAt }, async model => {
      const [margins, probabilities] = [await scoresOf(model, 'margin'), await scoresOf(model, 'probability')];
      for (const [t, p] of probabilities.entries()) expect(p).toBeCloseTo(1 / (1 + Math.exp(-margins[t]!)), 5);
      expect(Math.abs(probabilities.reduce((a, b) => a + b, 0) - 1)).toBeGreaterThan(0.05);
      expect(model.runtime.measured?.warnings?.join(' ')).toMatch(/findings do not exclude each other/);
    });
  });
});

async function gradientOf(model: FullClassifier, target: number, score: ScoreKind): Promise<Float32Array> {
  let gradient = new Float32Array();
  await model.gradients(at(x), { class: target, score }, (_, g) => {
    gradient = g.slice();
  });
  return gradient;
}

it.each(['logit', 'margin', 'probability'] as const)('have the gradients of their own %s', async score => {
  await usingCard(card, async model => {
    for (const target of [0, 2]) {
      const gradient = await gradientOf(model, target, score);
      for (const i of [3, 27, 44]) {
        const step = 1e-2;
        const moved = async (by: number) => {
          const image = x.map((v, k) => (k === i ? v + by : v));
          return (await scoresOf(model, score, image))[target]!;
        };
        const slope = ((await moved(step)) - (await moved(-step))) / (2 * step);
        expect(Math.abs(gradient[i]! - slope)).toBeLessThan(2e-3 * Math.max(0.05, Math.abs(slope)) + 2e-5);
      }
    }
  });
});

it.each(['margin', 'probability'] as const)('have the same gradients of the %s behind the sigmoids', async score => {
  const [before, behind] = await Promise.all(
    (['logits', 'output'] as const).map(explainAt =>
      usingCard({ ...card, explainAt }, model => gradientOf(model, 1, score)),
    ),
  );
  expect(difference(behind!, before!)).toBeLessThan(1e-3);
});

it('are asked for where a softmax is claimed of sigmoids', async () => {
  expect(await refusal({ ...card, task: 'softmax' })).toMatchObject({
    code: 'CARD',
    hint: expect.stringMatching(/task: multi-label/),
  });
});
