import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FullClassifier } from '../../../../src/core/contracts/index.ts';
import { readModelFile } from '../../../../src/engines/onnx/load/file.ts';
import {
  type Reference,
  referenceCard,
  referenceImage,
  referenceItem,
  referenceModels,
  referencesOf,
} from '../../../golden/explainers/index.ts';
import { relativeL2, sum } from '../../../methods/helpers.ts';
import { backward, openReference } from './references.ts';

/** The options by which a reference was made. */
function optionsOf({ variant, parameters }: Reference) {
  return {
    composite: variant.replace(/(-bn-pass|-0\.1|-values)+$/, ''),
    seed: 'one',
    batchNorm: variant.endsWith('bn-pass') ? 'pass' : 'linear',
    ...(parameters as Record<string, number>),
  };
}

/** Signed values cancel: with a tiny ε float32 decides how small a denominator is, and lxt's ε has no sign. */
const TOLERANCE = { efficientnet: 1e-3, vit: 1e-3 } as Readonly<Record<string, number>>;
const SMALL_EPSILON = new Set(['epsilon', 'epsilon-0.1', 'epsilon-values', 'epsilon-plus-flat-values', 'gamma-values']);

describe.each(['cnn', 'densenet', 'resnet', 'efficientnet', 'convnext', 'vit'])('%s', name => {
  const entry = referenceModels[name]!;
  const { nodes } = readModelFile(referenceCard(name).file);
  let model: FullClassifier;
  beforeAll(async () => {
    model = await openReference(name);
  });
  afterAll(() => model?.close());

  const references = referencesOf('lrp').filter(r => r.model === name);
  it.each(references.map(r => [r.variant, r] as const))(
    'has the relevance of zennit or lxt, %s',
    async (variant, r) => {
      for (const [i, c] of entry.targets.entries()) {
        const rules = { name: 'lrp', options: optionsOf(r) };
        const [back] = await backward(model, [referenceImage(entry, i)], { class: c, score: 'logit' }, rules);
        expect(relativeL2(back!.values.data, referenceItem(r.map!, i).data)).toBeLessThan(
          (SMALL_EPSILON.has(variant) && TOLERANCE[name]) || 1e-4,
        );
        if (variant.endsWith('bn-pass')) continue;
        for (const [tensor, found] of Object.entries(r.layerSums!)) {
          // What a rectifier passes on is what is in front of the layer before it.
          const place = tensor in back!.sums ? tensor : nodes.find(n => n.outputs[0] === tensor)!.inputs[0]!;
          expect(Math.abs(back!.sums[place]! / found[i]! - 1), `${place} ${i}`).toBeLessThan(1e-3);
        }
      }
    },
  );

  it('multiplies all by the score where the relevance at the output is the score', async () => {
    const image = [referenceImage(entry, 0)];
    const target = { class: 0, score: 'logit' } as const;
    const [one] = await backward(model, image, target, { name: 'lrp', options: { seed: 'one' } });
    const [score] = await backward(model, image, target, { name: 'lrp' });
    const scaled = one!.values.data.map(v => v * score!.score);
    expect(relativeL2(score!.values.data, scaled)).toBeLessThan(1e-5);
    expect(score!.sums['scores']).toBeCloseTo(score!.score, 5);
    expect(sum(score!.values.data)).not.toBe(0);
  });
});

describe('options', () => {
  it('needs the range of inputs for its box', async () => {
    const model = await openReference('cnn');
    const image = [referenceImage(referenceModels['cnn']!, 0)];
    const options = { composite: 'epsilon-gamma-box' };
    const asked = backward(model, image, { class: 0, score: 'logit' }, { name: 'lrp', options });
    await expect(asked).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('low') });
    await model.close();
  });
});
