import type {
  Batch,
  Capability,
  FullClassifier,
  LayerGradients,
  LayerInfo,
  Meter,
  Placement,
  Runtime,
  ScoreKind,
  Target,
  Tracer,
} from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { imageOf } from './images.ts';
import type { Layer, LayerMap, Layout } from './layer-map.ts';
import { type Head, scoresOf } from './scores.ts';

/** The model's images. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly layout: Layout;
}

/** What computes. All consumers are called once per image, in ascending order; what they get is valid meanwhile only. */
export interface Passes {
  readonly head: Head;
  readonly image: ImageShape;
  /** Raw scores of each image. */
  forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void>;
  /** d score / d image, [h, w, c], and raw scores of each image. */
  gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, raw: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Activations of a layer and d score / d activations: for each image, where in the two arrays its values are. */
  layer(
    batch: Batch,
    target: Target,
    layer: string,
    consume: (i: number, result: { activations: Float32Array; gradients: Float32Array }, from: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  close(): Promise<void>;
}

/** A loaded model, behind the contract that all engines share. */
export class EngineClassifier implements FullClassifier {
  readonly id: string;
  readonly input: FullClassifier['input'];
  readonly classes: readonly string[];
  readonly capabilities: ReadonlySet<Capability>;
  readonly runtime: Runtime;
  readonly tracer?: Tracer;
  readonly placements?: () => Promise<readonly Placement[]>;
  readonly #executor: Passes;
  readonly #layers: LayerMap;
  readonly #meters: readonly Meter[];

  constructor(parts: {
    id: string;
    classes: readonly string[];
    runtime: Runtime;
    executor: Passes;
    layers: LayerMap;
    capabilities: ReadonlySet<Capability>;
    tracer?: Tracer | undefined;
    placements?: (() => Promise<readonly Placement[]>) | undefined;
    meters?: readonly Meter[];
  }) {
    this.id = parts.id;
    this.classes = parts.classes;
    this.runtime = parts.runtime;
    this.capabilities = parts.capabilities;
    this.#executor = parts.executor;
    this.#layers = parts.layers;
    this.#meters = parts.meters ?? [];
    if (parts.tracer) this.tracer = parts.tracer;
    if (parts.placements) this.placements = parts.placements;
    const { height, width, channels } = parts.executor.image;
    this.input = { spatial: [height, width], channels };
  }

  async scores(batch: Batch, options: { as: ScoreKind; signal?: AbortSignal }): Promise<Tensor> {
    this.#count(batch.count, 0);
    const classes = this.classes.length;
    const scores = tensor([batch.count, classes]);
    const row = new Float64Array(classes);
    await this.#executor.forward(
      batch,
      (i, raw) => {
        this.#score(raw, options.as, row);
        scores.data.set(row, i * classes);
      },
      options.signal,
    );
    return scores;
  }

  async score(batch: Batch, target: Target, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    this.#checkTarget(target);
    const { data } = await this.scores(batch, { as: target.score, ...options });
    return Float32Array.from({ length: batch.count }, (_, i) => data[i * this.classes.length + target.class]!);
  }

  async gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, score: number) => void,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#checkTarget(target);
    this.#count(batch.count, batch.count);
    const row = new Float64Array(this.classes.length);
    await this.#executor.gradients(
      batch,
      target,
      (i, gradient, raw) => {
        this.#score(raw, target.score, row);
        consume(i, gradient, row[target.class]!);
      },
      options.signal,
    );
  }

  async layers(): Promise<readonly LayerInfo[]> {
    return this.#layers.layers.map(({ name, shape, operator, spatial, cam }) => ({
      name,
      shape,
      operator,
      spatial,
      cam,
    }));
  }

  async layer(
    batch: Batch,
    target: Target,
    layer: string | undefined,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ readonly layer: string; readonly activations: Tensor; readonly gradients: Tensor }> {
    this.#checkTarget(target);
    const chosen = layer === undefined ? this.#layers.cam : this.#layers.find(layer);
    if (!chosen) {
      throw new CtXaiError('LAYER', `model '${this.id}' has no spatial layer before its scores, so no default layer.`, {
        hint: 'Name a layer.',
      });
    }
    this.#count(batch.count, batch.count);
    const activations = tensor([batch.count, ...chosen.shape]);
    const gradients = tensor([batch.count, ...chosen.shape]);
    const size = activations.data.length / Math.max(1, batch.count);
    const shape = asImage(chosen, size);
    const scratch = new Float32Array(size);
    await this.#executor.layer(
      batch,
      target,
      chosen.name,
      (i, result, from) => {
        activations.data.set(imageOf(result.activations, from, shape, scratch), i * size);
        gradients.data.set(imageOf(result.gradients, from, shape, scratch), i * size);
      },
      options.signal,
    );
    return { layer: chosen.name, activations, gradients };
  }

  async layerGradients(
    batch: Batch,
    target: Target,
    layers: readonly (string | undefined)[],
    options: { signal?: AbortSignal } = {},
  ): Promise<readonly LayerGradients[]> {
    const found: LayerGradients[] = [];
    for (const layer of layers) found.push(await this.layer(batch, target, layer, options));
    return found;
  }

  metered(meter: Meter): EngineClassifier {
    return new EngineClassifier({
      id: this.id,
      classes: this.classes,
      runtime: this.runtime,
      executor: this.#executor,
      layers: this.#layers,
      capabilities: this.capabilities,
      tracer: this.tracer,
      placements: this.placements,
      meters: [...this.#meters, meter],
    });
  }

  close(): Promise<void> {
    return this.#executor.close();
  }

  #score(raw: ArrayLike<number>, as: ScoreKind, out: Float64Array): void {
    scoresOf(raw, this.#executor.head, as, out);
  }

  #count(forward: number, backward: number): void {
    for (const meter of this.#meters) {
      meter.forward(forward);
      if (backward > 0) meter.backward(backward);
    }
  }

  #checkTarget(target: Target): void {
    const { class: t } = target;
    if (Number.isInteger(t) && t >= 0 && t < this.classes.length) return;
    const last = this.classes.length - 1;
    throw new CtXaiError(
      'USAGE',
      `class ${t} does not exist: model '${this.id}' has classes 0 to ${last} (${this.classes.join(', ')}).`,
    );
  }
}

function asImage(layer: Layer, size: number): Parameters<typeof imageOf>[2] {
  const channels = layer.layout ? layer.shape.at(-1)! : 1;
  return { pixels: size / channels, channels, layout: layer.layout ?? 'NHWC' };
}
