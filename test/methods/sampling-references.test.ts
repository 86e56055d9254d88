import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ExplainRequest } from '../../src/conformance/subject.ts';
import type { Batch, Explainer, FullClassifier, Memo, Target } from '../../src/core/contracts/index.ts';
import type { Segmentation } from '../../src/core/image/segmentation.ts';
import type { SmoothMasks } from '../../src/core/perturbation/smooth-masks.ts';
import { createRng } from '../../src/core/rng.ts';
import type { DrawnCoalitions } from '../../src/core/shapley/coalitions.ts';
import { filled } from '../../src/core/tensor.ts';
import { onnxEngine } from '../../src/engines/onnx/index.ts';
import { hsic } from '../../src/methods/hsic.ts';
import { kernelShap } from '../../src/methods/kernel-shap.ts';
import { partitionShap } from '../../src/methods/partition-shap.ts';
import { rise } from '../../src/methods/rise.ts';
import { segmentAblation } from '../../src/methods/segment-ablation.ts';
import { shapleySampling } from '../../src/methods/shapley-sampling.ts';
import { sobol } from '../../src/methods/sobol.ts';
import {
  type Reference,
  referenceArray,
  referenceBaseline,
  referenceCard,
  referenceImage,
  referenceMap,
  referenceModels,
  referencesOf,
} from '../golden/explainers/index.ts';
import { mapOf, relativeL2 } from './helpers.ts';

/** What is drawn at random comes from the recorded arrays, put here before each explanation. */
const drawn: { masks?: SmoothMasks; points?: Float64Array; coalitions?: DrawnCoalitions } = {};

vi.mock(import('../../src/core/perturbation/smooth-masks.ts'), async original => {
  const real = await original();
  return { ...real, smoothMasks: (...asked) => drawn.masks ?? real.smoothMasks(...asked) };
});
vi.mock(import('../../src/core/sampling/sobol-sequence.ts'), async original => {
  const real = await original();
  return { ...real, sobolSequence: (...asked) => drawn.points ?? real.sobolSequence(...asked) };
});
vi.mock(import('../../src/core/shapley/coalitions.ts'), async original => {
  const real = await original();
  return { ...real, pairedCoalitions: (...asked) => drawn.coalitions ?? real.pairedCoalitions(...asked) };
});

/** Agreement with float64 that is asked for. */
const TOLERANCE = 1e-3;

interface Ask {
  readonly request: Partial<ExplainRequest>;
  readonly drawn?: typeof drawn;
  /** Our map over the reference, where the two scale a constant in another way. */
  readonly factor?: number | 'any';
}

/** What an explainer is asked for, with what its reference drew, for image `i`. */
type Asking = (reference: Reference, i: number) => Ask;

const bytes = (file: string) => Float64Array.from(referenceArray(file).data as Uint8Array);

/** A memo that holds the recorded segments. */
function segmentsGiven({ draws }: Reference, i: number): Memo {
  const { shape, data } = referenceArray(draws!.segments!);
  const [, height, width] = shape as [number, number, number];
  const labels = Int32Array.from(data as Uint8Array).slice(i * height * width, (i + 1) * height * width);
  const segmentation: Segmentation = { shape: [height, width], labels, count: 1 + Math.max(...labels) };
  return (async (key: string, compute: () => Promise<unknown>) =>
    key.startsWith('segments') ? segmentation : compute()) as Memo;
}

const EXPLAINERS: readonly [Explainer, Asking][] = [
  [
    rise,
    ({ score, variant, draws }) => {
      const { shape, data } = referenceArray(draws!.masks!);
      const [count, height, width] = shape as [number, number, number];
      const render = (i: number, out: Float32Array) => {
        for (let p = 0; p < out.length; p++) out[p] = Number(data[i * height * width + p]) / 255;
      };
      const estimator = { '': 'covariance', covariance: 'covariance', plain: 'mean', normalised: 'normalised' }[
        variant
      ];
      return { request: { options: { score, samples: count, estimator } }, drawn: { masks: { count, render } } };
    },
  ],
  [
    kernelShap,
    (reference, i) => {
      const { score, variant, draws } = reference;
      const memo = segmentsGiven(reference, i);
      if (variant === 'exact') return { request: { memo, options: { score, samples: 300 } } };
      const { shape, data } = referenceArray(draws![`coalitions${i}`]!);
      const rows = shape[0]!;
      const coalitions: DrawnCoalitions = {
        design: Uint8Array.from(data as Uint8Array),
        weights: new Float64Array(rows).fill(1),
        draw: Int32Array.from({ length: rows }, (_, r) => r >> 1),
        times: new Array<number>(rows / 2).fill(1),
        complete: false,
        first: () => coalitions,
      };
      return { request: { memo, options: { score } }, drawn: { coalitions } };
    },
  ],
  [
    shapleySampling,
    (reference, i) => {
      const { shape, data } = referenceArray(reference.draws!.orders!);
      const [count, n] = shape as [number, number];
      let row = 0;
      const rng = {
        ...createRng(0),
        shuffle: <T>() => Int32Array.from(data as Uint8Array).slice(n * row, n * ++row) as T,
      };
      const options = { score: reference.score, permutations: count, orders: 'independent' };
      return { request: { rng, memo: segmentsGiven(reference, i), options } };
    },
  ],
  [
    segmentAblation,
    (reference, i) => ({ request: { memo: segmentsGiven(reference, i), options: { score: reference.score } } }),
  ],
  [
    hsic,
    ({ score, draws, parameters }) => {
      const { masks: n, cells } = parameters as { masks: number; cells: number };
      // The reference divides by (n − 1)², as the first definition of the estimate does.
      const factor = ((n - 1) / n) ** 2;
      return { request: { options: { score, samples: n, cells } }, drawn: { points: bytes(draws!.masks!) }, factor };
    },
  ],
  [
    sobol,
    ({ score, draws, parameters }) => {
      const { samples: n, cells } = parameters as { samples: number; cells: number };
      const [a, b] = [bytes(draws!.a!), bytes(draws!.b!)];
      const d = cells ** 2;
      const points = Float64Array.from({ length: 2 * n * d }, (_, k) => {
        const [row, column] = [Math.floor(k / (2 * d)), k % (2 * d)];
        return (column < d ? a[row * d + column]! : b[row * d + column - d]!) / 255;
      });
      // The reference has the variance over A alone, ours over A and B: one factor for all cells.
      return { request: { options: { score, designs: n, cells } }, drawn: { points }, factor: 'any' };
    },
  ],
];

describe.each(['densenet', 'vit', 'resnet', 'efficientnet', 'convnext'])('%s', name => {
  const entry = referenceModels[name]!;
  let model: FullClassifier;
  beforeAll(async () => {
    model = await onnxEngine.open(referenceCard(name), { device: 'cpu', workers: 1, threads: 1, microBatch: 16 });
  });
  afterAll(() => model?.close());

  const subjectOf = (i: number) => {
    const image = referenceImage(entry, i);
    const view = { shape: [entry.side, entry.side], data: image.data };
    return { model, image, baseline: referenceBaseline(entry), view, signal: new AbortController().signal };
  };

  for (const [explainer, asking] of EXPLAINERS) {
    // What RISE gives without the division by the variance of the masks is no option of ours.
    const references = referencesOf(explainer.name).filter(r => r.model === name && r.variant !== 'covariance');
    it.each(references.map(r => [`${r.variant} ${r.score}`, r] as const))(`${explainer.name}: %s`, async (_, r) => {
      for (const i of [0, 1]) {
        const { request, drawn: given = {}, factor = 1 } = asking(r, i);
        Object.assign(drawn, { masks: undefined, points: undefined, coalitions: undefined }, given);
        const { map } = await mapOf({ explainer, subject: subjectOf(i), class: entry.targets[i]!, ...request });
        const expected = referenceMap(r, i).data;
        const scale = factor === 'any' ? dot(map.data, expected) / dot(expected, expected) : factor;
        expect(
          relativeL2(
            map.data,
            expected.map(v => scale * v),
          ),
        ).toBeLessThan(TOLERANCE);
        if (factor === 'any') expect(Math.abs(scale - 1)).toBeLessThan(0.5);
      }
    });
  }

  it('partition-shap: all contexts of 4 × 4 cells, as shap', async () => {
    const reference = referencesOf('partition-shap').find(r => r.model === name)!;
    const cells = 4;
    for (const i of [0, 1]) {
      const subject = subjectOf(i);
      const asked = {
        explainer: partitionShap,
        subject: { ...subject, ...shownByCells(subject.image.data, entry.side, cells, model) },
        class: entry.targets[i]!,
        options: { score: reference.score, samples: 5000 },
      };
      const { map } = await mapOf(asked);
      const expected = referenceMap(reference, i).data;
      const cell = entry.side / cells;
      const perCell = Float32Array.from(
        { length: cells ** 2 },
        (_, c) => expected[Math.floor(c / cells) * cell * entry.side + (c % cells) * cell]!,
      );
      expect(relativeL2(map.data, perCell)).toBeLessThan(TOLERANCE);
    }
  });
});

/** An image of one pixel for each cell, which are 1 where the model is shown the cell and 0 where it sees zeros. */
function shownByCells(image: Float32Array, side: number, cells: number, model: FullClassifier) {
  const cell = side / cells;
  const enlarged = (batch: Batch): Batch => ({
    count: batch.count,
    write(i, out) {
      const shown = new Float32Array(cells ** 2);
      batch.write(i, shown);
      for (let p = 0; p < out.length; p++) {
        const [row, column] = [Math.floor(p / side / cell), Math.floor((p % side) / cell)];
        out[p] = image[p]! * shown[row * cells + column]!;
      }
    },
  });
  const shown: FullClassifier = Object.create(model, {
    input: { value: { spatial: [cells, cells], channels: 1 } },
    score: {
      value: (batch: Batch, ...asked: [Target, { signal?: AbortSignal }?]) => model.score(enlarged(batch), ...asked),
    },
    metered: { value: () => shown },
  });
  const shape = [cells, cells, 1];
  return { model: shown, image: filled(shape, 1), baseline: filled(shape, 0), view: filled([cells, cells], 1) };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((s, v, i) => s + v * b[i]!, 0);
