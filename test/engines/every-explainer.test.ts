import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { explainSubject, type Subject, subjectFor } from '../../src/conformance/index.ts';
import {
  type Capability,
  type Engine,
  type Explainer,
  type FullClassifier,
  isUndefined,
  type ModelCard,
} from '../../src/core/contracts/index.ts';
import { onnxEngine } from '../../src/engines/onnx/index.ts';
import { onnxWithTfjs } from '../../src/engines/tfjs/export/through-onnx.ts';
import { tfjsEngine } from '../../src/engines/tfjs/tfjs-engine.ts';
import { referenceModels } from '../golden/explainers/index.ts';
import { relativeL2 } from '../methods/helpers.ts';
import { cardFor, golden, goldenFolder } from './onnx/fixtures.ts';
import { batchOf } from './tfjs/fixtures.ts';

const { explainers } = builtinRegistry();
const methods = [...explainers.values()].filter(e => e.role === 'method');
const settings = { workers: 1, threads: 1, microBatch: 2 };
const NONE: readonly string[] = [];

/** A model opened twice: by what is tested, and by what its maps are held against. */
interface Pair {
  readonly name: string;
  readonly ours: readonly [Engine, string, ModelCard];
  readonly against: readonly [Engine, string, ModelCard];
  /** Relative L2 of each map. */
  readonly within: number;
  /** Abilities that ours lacks beside those that the network itself lacks. */
  readonly lacks: readonly Capability[];
  /** What has no map on either: its reason says why. */
  readonly without: readonly string[];
}

function half(name: string, without: readonly string[]): Pair {
  const { classes, side } = referenceModels[name]!;
  const card = (file: string) =>
    cardFor(join(goldenFolder, 'float16', file), {
      classes: Array.from({ length: classes }, (_, i) => `class ${i}`),
      input: { size: [side, side], channels: 1, layout: 'NCHW' },
    });
  return {
    name: `${name} in float16`,
    ours: [onnxEngine, 'cpu', card(`${name}.onnx`)],
    against: [onnxEngine, 'cpu', card(`${name}-float32.onnx`)],
    ...{ within: 1e-6, lacks: [], without },
  };
}

function keras(file: string, change: Partial<ModelCard> & { classes: readonly string[] }, channels: 1 | 3): Pair {
  const card: ModelCard = {
    ...cardFor(join(goldenFolder, 'tfjs', 'keras', file), change),
    ...{ format: 'tfjs', emits: 'probabilities', input: { size: [32, 32], channels, layout: 'NHWC' } },
  };
  return {
    name: `${file} on TF.js`,
    ours: [tfjsEngine, 'wasm', card],
    against: [onnxWithTfjs, 'cpu', card],
    within: 2e-4,
    lacks: ['backward-rules', 'bias-gradients', 'attention'],
    without: ATTENTION,
  };
}

const ATTENTION = ['attention-relevance', 'attention-rollout'];
const RECTIFIERS = ['guided-backprop', 'deconvnet', 'guided-grad-cam'];
const three = ['a', 'b', 'c'];

const PAIRS: readonly Pair[] = [
  half('cnn', ATTENTION),
  half('efficientnet', [...RECTIFIERS, ...ATTENTION]),
  half('vit', ['grad-cam-plus-plus', ...RECTIFIERS]),
  keras('mobile-keras3/model.json', { classes: ['no', 'yes'], task: 'sigmoid' }, 3),
  keras('separable-keras3.h5', { classes: three }, 1),
  keras('separable-float16/model.json', { classes: three }, 1),
];

/** The map that an explainer gives of a model, or the reason why there is none, found as a run finds it. */
async function outcome(explainer: Explainer, subject: Subject, model: FullClassifier) {
  const options = explainer.checks?.options ?? {};
  const missing = explainer.requiresOf(explainer.options.parse(options)).find(c => !model.capabilities.has(c));
  if (missing) return { lacks: missing };
  const wrapped = explainer.wraps === undefined ? undefined : explainers.get(explainer.wraps);
  try {
    const { result } = await explainSubject({
      explainer,
      subject: { ...subject, model },
      options,
      class: 0,
      wrapped,
    });
    return isUndefined(result) ? { reason: result.undefined } : { map: result.map.data };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

describe.each(PAIRS)('$name', ({ ours, against, within, lacks, without }) => {
  let [one, other]: FullClassifier[] = [];
  beforeAll(async () => {
    [one, other] = await Promise.all(
      [ours, against].map(([engine, device, card]) => engine.open(card, { device, ...settings })),
    );
  });
  afterAll(() => Promise.all([one?.close(), other?.close()]));

  it.each(methods.map(e => [e.name, e] as const))('%s is the same, or is refused with a reason', async (name, e) => {
    const subject = subjectFor(other!, 4);
    const [found, wanted] = [await outcome(e, subject, one!), await outcome(e, subject, other!)];
    if (wanted.map === undefined) expect(without).toContain(name);
    else expect(without).not.toContain(name);
    if (found.lacks !== undefined && wanted.lacks === undefined) {
      expect(lacks).toContain(found.lacks);
      expect(one!.runtime.limitations?.[found.lacks]).toMatch(/\w+ \w+/);
    } else if (wanted.map === undefined) {
      expect(found).toEqual(wanted);
    } else {
      expect(relativeL2(found.map ?? [], wanted.map)).toBeLessThan(within);
      expect(Math.max(...wanted.map.map(Math.abs))).toBeGreaterThan(0);
    }
  });
});

describe.each(['cnn', 'efficientnet', 'vit'])('%s in float16', name => {
  // The file's constants are rounded too, the ViT's 1 / √8 for one; PyTorch's are not.
  const within = name === 'vit' ? 1e-3 : 1e-5;
  it("has PyTorch's logits and gradients of the rounded weights", async () => {
    const { ours } = half(name, NONE);
    const model = await ours[0].open(ours[2], { device: ours[1], ...settings });
    const { images, targets } = referenceModels[name]!;
    const [x, logits, gradients] = [
      `explainers/${images}`,
      `float16/${name}.logits.npy`,
      `float16/${name}.gradient.npy`,
    ].map(golden);
    const { data } = await model.scores(batchOf(x!), { as: 'logit' });
    expect(relativeL2(data, logits!.data)).toBeLessThan(within);
    const size = x!.data.length / targets.length;
    for (const [i, c] of targets.entries()) {
      await model.gradients(batchOf(x!, i), { class: c, score: 'logit' }, (_, g) => {
        expect(relativeL2(g, gradients!.data.subarray(i * size, (i + 1) * size))).toBeLessThan(within);
      });
    }
    await model.close();
  });
});
