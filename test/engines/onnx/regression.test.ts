import { afterAll, describe, expect, it } from 'vitest';
import type { FullClassifier, ScoreKind } from '../../../src/core/contracts/index.ts';
import { refusal, usingCard } from './cases.ts';
import { cardFor, images, smallNet, temporary } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());
const x = images('regression', [1, 8, 8, 1]).data;
const at = (image: Float32Array) => ({ count: 1, write: (_: number, out: Float32Array) => out.set(image) });
const scoresOf = async (model: FullClassifier, as: ScoreKind, image = x) => [
  ...(await model.scores(at(image), { as })).data,
];
const KINDS = ['logit', 'margin', 'probability'] as const;

describe.each([
  ['one value', 1, undefined],
  ['three values', 3, undefined],
  ['a value that a sigmoid bounds', 1, 'Sigmoid'],
] as const)('a regression of %s', (name, units, tail) => {
  const file = folder.write(`${name}.onnx`, smallNet({ units, ...(tail ? { tail } : {}) }));
  const classes = ['volume', 'age', 'dose'].slice(0, units);
  const card = cardFor(file, { classes, task: 'regression', explainAt: 'output' });

  it('has the values themselves for scores, whatever is asked for', async () => {
    await usingCard(card, async model => {
      const raw = await scoresOf(model, 'logit');
      expect(raw).toHaveLength(units);
      if (tail) expect(raw[0]).toBeGreaterThan(0);
      for (const kind of KINDS) expect(await scoresOf(model, kind)).toEqual(raw);
      expect(model.regression).toBe(true);
    });
  });

  it.each(KINDS)('has the gradient of the value for the %s', async score => {
    await usingCard(card, async model => {
      let gradient = new Float32Array();
      await model.gradients(at(x), { class: units - 1, score }, (_, g) => {
        gradient = g.slice();
      });
      for (const i of [3, 27, 44]) {
        const step = 1e-2;
        const moved = async (by: number) =>
          (
            await scoresOf(
              model,
              'logit',
              x.map((v, k) => (k === i ? v + by : v)),
            )
          )[units - 1]!;
        const slope = ((await moved(step)) - (await moved(-step))) / (2 * step);
        expect(Math.abs(gradient[i]! - slope)).toBeLessThan(2e-3 * Math.max(0.05, Math.abs(slope)) + 2e-5);
      }
    });
  });
});

it('is no classifier whose file ends in a softmax', async () => {
  const file = folder.write('softmax.onnx', smallNet({ units: 3, tail: 'Softmax' }));
  const card = cardFor(file, { classes: ['a', 'b', 'c'], task: 'regression', explainAt: 'output' });
  expect(await refusal(card)).toMatchObject({ code: 'CARD', hint: expect.stringMatching(/task: softmax/) });
});
