import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { linearModel, smoothModel } from '../../src/conformance/models.ts';
import { type ExplainRequest, explainSubject, type Subject, subjectFor } from '../../src/conformance/subject.ts';
import { imageBatch } from '../../src/core/batch.ts';
import { type Explainer, type FullClassifier, isUndefined, type ModelVariant } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';
import { onnxEngine } from '../../src/engines/onnx/index.ts';
import { saliency } from '../../src/methods/saliency.ts';
import {
  referenceBaseline,
  referenceCard,
  referenceImage,
  referenceItem,
  referenceModels,
} from '../golden/explainers/index.ts';
import { mapOf, relativeL2, sum } from './helpers.ts';

const methods = [...builtinRegistry().explainers.values()].filter(e => e.role === 'method');

/** Small settings, and what is wrapped. */
function asked(explainer: Explainer, more: Readonly<Record<string, unknown>> = {}): Omit<ExplainRequest, 'subject'> {
  const { wraps } = explainer;
  return {
    explainer,
    options: { ...explainer.checks.options, ...more },
    ...(wraps === undefined ? {} : { wrapped: saliency }),
  };
}

const kindOf = (explainer: Explainer) => explainer.kindOf(explainer.options.parse({}));
const additive = methods.filter(e => kindOf(e) === 'additive');

/** Additive maps that do not promise the score's difference from the baseline, and why. */
const OTHER_SUMS: Readonly<Record<string, string>> = {
  'input-x-gradient': 'first order only',
  lrp: 'less what biases take',
  'expected-gradients': 'the difference from the mean of the training images',
  'blur-ig': 'the difference from the blurred image',
};

describe('on a linear model, a map that sums to the difference from the baseline is w·(x − b)', () => {
  const [height, width] = [8, 8];
  const rng = createRng('linear');
  const weights = [0, 1].map(() => Float64Array.from({ length: height * width }, () => rng.normal()));
  const subject = subjectFor(linearModel({ height, width, weights, bias: [0.3, -1] }), 1);
  const { image, baseline } = subject;
  const exact = Float32Array.from(image.data, (x, p) => weights[0]![p]! * (x - baseline.data[p]!));

  it.each(additive.filter(e => e.baseline !== undefined).map(e => [e.name, e] as const))('%s', async (_, explainer) => {
    // A budget that reaches every pixel, where there is one.
    const budget = explainer.name === 'partition-shap' ? { samples: 100_000 } : {};
    const { map } = await mapOf({ ...asked(explainer, { score: 'logit', ...budget }), subject });
    expect(relativeL2(map.data, exact)).toBeLessThan(1e-4);
  });
});

describe('completeness: maps sum to f(x) − f(b)', () => {
  // Every step of its path goes by the gradient at the beginning, so that it needs many.
  const FINER: Readonly<Record<string, object>> = { 'guided-ig': { steps: 400 } };
  const promising = additive.filter(e => OTHER_SUMS[e.name] === undefined);
  const subjects = [0, 1, 2].map(seed => subjectFor(smoothModel({ height: 8, width: 7, channels: 2, seed }), seed));

  it.each(promising.map(e => [e.name, e] as const))('%s', async (_, explainer) => {
    for (const subject of subjects) {
      const ends = await subject.model.score(imageBatch(subject.image, subject.baseline), {
        class: 1,
        score: 'margin',
      });
      const difference = ends[0]! - ends[1]!;
      const { map, diagnostics } = await mapOf({
        ...asked(explainer, { ...FINER[explainer.name] }),
        subject,
        class: 1,
      });
      const gap = Math.abs(sum(map.data) - difference);
      expect(gap / Math.max(Math.abs(difference), 0.1)).toBeLessThan(0.05);
      // What it says of itself is so.
      const said = diagnostics?.completenessGapAbsolute;
      if (said !== undefined) expect(said).toBeCloseTo(gap, 4);
    }
  });
});

describe('class sensitivity: with two classes, what speaks for one speaks as much against the other', () => {
  /** Maps without a sign. */
  const UNSIGNED = new Set(['hsic', 'sobol']);
  const signed = methods.filter(e => kindOf(e) !== 'ranking' && !UNSIGNED.has(e.name));
  const rng = createRng('two classes');
  const weights = [0, 1].map(() => Float64Array.from({ length: 120 }, () => rng.normal()));
  const subject = subjectFor(linearModel({ height: 12, width: 10, weights }), 3);

  it.each(signed.map(e => [e.name, e] as const))('%s', async (_, explainer) => {
    const [no, yes] = await Promise.all([0, 1].map(c => mapOf({ ...asked(explainer), subject, class: c })));
    expect(
      relativeL2(
        yes!.map.data,
        no!.map.data.map(v => -v),
      ),
    ).toBeLessThan(1e-4);
  });
});

/**
 * Explainers whose map hangs on how the function is written, and why. All others claim that it does not; class
 * activation maps read a layer, which keeps its values in every graph here.
 */
const BY_GRAPH: Readonly<Record<string, string>> = {
  'guided-backprop': 'a rule for each ReLU',
  deconvnet: 'a rule for each ReLU',
  'guided-grad-cam': 'guided backpropagation',
  lrp: 'rules for each layer',
  fullgrad: 'its biases are those of the graph',
};

describe('implementation invariance: other graphs of one function have one map', { timeout: 120_000 }, () => {
  const REWRITES = ['split-convolutions', 'split-relu', 'unfolded-scale'] as const;
  const invariant = methods.filter(e => BY_GRAPH[e.name] === undefined);
  const needsAttention = (e: Explainer) => e.requiresOf(e.options.parse({})).includes('attention');

  describe.each(['densenet', 'vit'])('%s', name => {
    const entry = referenceModels[name]!;
    const models = new Map<string, FullClassifier>();
    const open = (variant: ModelVariant) =>
      onnxEngine.open(referenceCard(name), { device: 'cpu', workers: 1, threads: 1, microBatch: 8, variant });
    beforeAll(async () => {
      models.set('original', await open({ kind: 'original' }));
      for (const rewrite of REWRITES) models.set(rewrite, await open({ kind: 'rewritten', rewrite }));
    });
    afterAll(async () => {
      for (const model of models.values()) await model.close();
    });

    const image = referenceImage(entry, 0);
    const [low, high] = [Math.min(...image.data), Math.max(...image.data)];
    const subject = (model: FullClassifier): Subject => ({
      model,
      image,
      // Textured, since at a constant image many units of a network stand at their kink at once.
      baseline: { shape: image.shape, data: referenceBaseline(entry).data.map((_, p) => 0.2 * Math.sin(p)) },
      view: { shape: [entry.side, entry.side], data: image.data.map(v => (v - low) / (high - low)) },
      windowRange: [high - low],
      signal: new AbortController().signal,
    });
    const references = Array.from({ length: 3 }, (_, i) =>
      tensor(image.shape, referenceItem(`draws/references-${entry.side}.npy`, i).data),
    );
    const own = invariant.filter(e => needsAttention(e) === (name === 'vit'));

    it.each(own.map(e => [e.name, e] as const))('%s', async (_, e) => {
      const mapIn = async (variant: string) => {
        const request = { ...asked(e), subject: subject(models.get(variant)!), class: entry.targets[0]! };
        const { result } = await explainSubject({ ...request, trainingImages: references });
        return isUndefined(result) ? result.undefined : result.map.data;
      };
      const original = await mapIn('original');
      for (const rewrite of REWRITES) {
        const other = await mapIn(rewrite);
        if (typeof original === 'string' || typeof other === 'string') expect(other).toBe(original);
        else expect(relativeL2(other, original), rewrite).toBeLessThan(1e-3);
      }
    });
  });
});
