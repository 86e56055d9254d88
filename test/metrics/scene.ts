import { linearModel } from '../../src/conformance/index.ts';
import type { Classifier, Json, Metric, MetricContext, Score, Undefined } from '../../src/core/contracts/index.ts';
import { isUndefined } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';

/** A one-channel image as a metric sees it; whatever is not given is plain. */
export interface Scene {
  readonly model: Classifier;
  readonly image: Tensor;
  readonly baseline: Tensor;
  readonly attribution: Tensor;
  readonly mask?: Tensor;
  readonly view?: Tensor;
  readonly spacing?: readonly number[];
}

export function evaluate(
  metric: Metric,
  scene: Scene,
  options: Record<string, unknown> = {},
  more: Partial<MetricContext<unknown>> = {},
): Promise<Score | Undefined> {
  return metric.evaluate(contextOf(metric, scene, options, more));
}

/** What a group metric takes of one map. */
export function collect(
  metric: Metric,
  scene: Scene,
  options: Record<string, unknown> = {},
  more: Partial<MetricContext<unknown>> = {},
): Promise<Json | Undefined> {
  return metric.collect!(contextOf(metric, scene, options, more));
}

function contextOf(
  metric: Metric,
  scene: Scene,
  options: Record<string, unknown>,
  more: Partial<MetricContext<unknown>>,
): MetricContext<unknown> {
  const [h, w] = scene.image.shape as [number, number];
  return {
    view: tensor([h, w], new Float32Array(h * w).fill(0.5)),
    signal: new AbortController().signal,
    target: { class: 0 },
    kind: 'additive',
    rng: createRng('scene'),
    memo: (_, compute) => compute(),
    mapMemo: (_, compute) => compute(),
    explain: async () => ({ map: scene.attribution }),
    onVariant: async () => ({ undefined: 'the model has no such variant' }),
    variantMaps: [],
    sampleVariants: [],
    sampleVariant: async () => undefined,
    trainingImages: async () => [],
    ...scene,
    options: metric.options.parse(options),
    ...more,
  };
}

export async function areaOf(...args: Parameters<typeof evaluate>): Promise<number> {
  return (await scoreOf(...args)).value;
}

export async function scoreOf(...args: Parameters<typeof evaluate>): Promise<Score> {
  const result = await evaluate(...args);
  if (isUndefined(result)) throw new Error(`undefined: ${result.undefined}`);
  return result;
}

/** What the first class's margin is worth in each pixel, over a baseline of 0 and an image of 1. */
export function additiveScene(height: number, width: number, shares: readonly number[], attribution = shares): Scene {
  const model = linearModel({ height, width, weights: [shares, shares.map(() => 0)] });
  return {
    model,
    image: tensor([height, width, 1], new Float32Array(height * width).fill(1)),
    baseline: tensor([height, width, 1]),
    attribution: map(height, width, attribution),
  };
}

export function map(height: number, width: number, values: ArrayLike<number>): Tensor {
  return tensor([height, width], Float32Array.from(values));
}

/** The model, and the forward passes that are asked of it from now on. */
export function counted(model: Classifier): { model: Classifier; passes: { forward: number } } {
  const passes = { forward: 0 };
  const meter = {
    forward(images: number) {
      passes.forward += images;
    },
    backward() {},
  };
  return { model: model.metered(meter), passes };
}
