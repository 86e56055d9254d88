import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageBatch } from '../../../../src/core/batch.ts';
import type { FullClassifier } from '../../../../src/core/contracts/index.ts';
import { onnxEngine } from '../../../../src/engines/onnx/index.ts';
import {
  referenceCard,
  referenceImage,
  referenceItem,
  referenceModels,
  referencesOf,
} from '../../../golden/explainers/index.ts';
import { relativeL2 } from '../../../methods/helpers.ts';

const SETTINGS = { device: 'cpu', workers: 1, threads: 1, microBatch: 2 } as const;

const open = (name: string) => onnxEngine.open(referenceCard(name), SETTINGS);

describe.each(['cnn', 'densenet', 'resnet'])('%s', name => {
  const entry = referenceModels[name]!;
  let model: FullClassifier;
  beforeAll(async () => {
    model = await open(name);
  });
  afterAll(() => model?.close());

  for (const rules of ['guided-backprop', 'deconvnet']) {
    const references = referencesOf(rules).filter(r => r.model === name);
    it.each(references.map(r => [r.score, r] as const))(`${rules} equals Captum's, %s`, async (score, r) => {
      for (const [i, c] of entry.targets.entries()) {
        const seen: Float32Array[] = [];
        const options = { rules: { name: rules } };
        await model.gradients(
          imageBatch(referenceImage(entry, 0), referenceImage(entry, 1)),
          { class: c, score },
          (_, g) => {
            seen.push(g.slice());
          },
          options,
        );
        expect(relativeL2(seen[i]!, referenceItem(r.map!, i).data)).toBeLessThan(1e-4);
      }
    });
  }

  it('gives the derivative for the standard rules', async () => {
    const [plain, standard] = [{}, { rules: { name: 'standard' } }].map(async options => {
      let found = new Float32Array();
      const target = { class: 0, score: 'margin' } as const;
      await model.gradients(
        imageBatch(referenceImage(entry, 0)),
        target,
        (_, g) => {
          found = g.slice();
        },
        options,
      );
      return found;
    });
    expect(await standard).toEqual(await plain);
  });

  it('refuses rules and options that there are not', async () => {
    const image = imageBatch(referenceImage(entry, 0));
    const ask = (rules: { name: string; options?: { x: number } }) =>
      model.gradients(image, { class: 0, score: 'logit' }, () => undefined, { rules });
    await expect(ask({ name: 'guided-backpropp' })).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining("'guided-backprop'"),
    });
    await expect(ask({ name: 'deconvnet', options: { x: 1 } })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('networks without ReLU', () => {
  it.each([
    ['efficientnet', 'Silu'],
    ['convnext', 'Gelu'],
    ['vit', 'Gelu'],
  ])('%s: refused, naming its %s', async (name, activation) => {
    const model = await open(name);
    const image = imageBatch(referenceImage(referenceModels[name]!, 0));
    const asked = model.gradients(image, { class: 0, score: 'logit' }, () => undefined, {
      rules: { name: 'guided-backprop' },
    });
    await expect(asked).rejects.toMatchObject({ code: 'OPERATOR', message: expect.stringContaining(activation) });
    await model.close();
  });
});
