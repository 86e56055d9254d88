import type {
  AttentionOnImage,
  BackwardRules,
  Batch,
  BiasTerm,
  Capability,
  ChangesWorth,
  FullClassifier,
  GradientOptions,
  LayerGradients,
  LayerInfo,
  LayerValues,
  Meter,
  Placement,
  Predicting,
  Runtime,
  ScoreKind,
  Target,
  Tracer,
} from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { predictingOf } from '../../core/predicts.ts';
import { sameShape, type Tensor, tensor } from '../../core/tensor.ts';
import type { Layer, LayerMap } from './layer-map.ts';
import { layerCollector } from './layer-values.ts';
import type { NetworkRunner } from './network-runner.ts';
import { scoresOf } from './scores.ts';

/** A loaded model, behind the contract that all engines share. */
export class EngineClassifier implements FullClassifier {
  readonly id: string;
  readonly input: FullClassifier['input'];
  readonly classes: readonly string[];
  readonly independent: boolean;
  readonly thresholds?: readonly number[];
  readonly regression: boolean;
  readonly capabilities: ReadonlySet<Capability>;
  readonly runtime: Runtime;
  readonly tracer?: Tracer;
  readonly placements?: () => Promise<readonly Placement[]>;
  readonly #runner: NetworkRunner;
  readonly #layers: LayerMap;
  readonly #meters: readonly Meter[];

  constructor(
    parts: Predicting & {
      id: string;
      classes: readonly string[];
      runtime: Runtime;
      runner: NetworkRunner;
      layers: LayerMap;
      capabilities: ReadonlySet<Capability>;
      tracer?: Tracer | undefined;
      placements?: (() => Promise<readonly Placement[]>) | undefined;
      meters?: readonly Meter[];
    },
  ) {
    const { independent, thresholds, regression } = predictingOf(parts);
    this.id = parts.id;
    this.classes = parts.classes;
    this.independent = independent;
    if (thresholds) this.thresholds = thresholds;
    this.regression = regression;
    this.runtime = parts.runtime;
    this.capabilities = parts.capabilities;
    this.#runner = parts.runner;
    this.#layers = parts.layers;
    this.#meters = parts.meters ?? [];
    if (parts.tracer) this.tracer = parts.tracer;
    if (parts.placements) this.placements = parts.placements;
    const { height, width, channels } = parts.runner.image;
    this.input = { spatial: [height, width], channels };
  }

  async scores(batch: Batch, options: { as: ScoreKind; signal?: AbortSignal }): Promise<Tensor> {
    this.#count(batch.count, 0);
    const { scores, consume } = this.#scoreRows(batch.count, options.as);
    await this.#runner.forward(batch, consume, options.signal);
    return scores;
  }

  async changesWorth(side: number, image: Tensor): Promise<ChangesWorth> {
    return (
      (await this.#runner.changesWorth?.(side, image.data)) ?? {
        reason: `the engine ${this.runtime.engine} has no other way`,
      }
    );
  }

  whyNoRules(rules: BackwardRules): string | undefined {
    if (this.capabilities.has('backward-rules')) return this.#runner.whyNoRules?.(rules);
    return this.runtime.limitations?.['backward-rules'] ?? `the engine ${this.runtime.engine} has none`;
  }

  async score(batch: Batch, target: Target, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    this.#checkTarget(target);
    const { data } = await this.scores(batch, { as: target.score, ...options });
    return Float32Array.from({ length: batch.count }, (_, i) => data[i * this.classes.length + target.class]!);
  }

  async gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, score: number, sums?: Readonly<Record<string, number>>) => void,
    options: GradientOptions = {},
  ): Promise<void> {
    this.#checkTarget(target);
    if (options.rules && options.rules.name !== 'standard') this.#require('backward-rules');
    this.#count(batch.count * (options.reference ? 2 : 1), batch.count);
    const row = new Float64Array(this.classes.length);
    const scoreOf = (raw: Float32Array) => {
      this.#score(raw, target.score, row);
      return row[target.class]!;
    };
    await this.#runner.gradients(
      batch,
      target,
      (i, gradient, { raw, referenceRaw, sums }) => {
        const reference = referenceRaw ? { 'reference score': scoreOf(referenceRaw) } : {};
        consume(i, gradient, scoreOf(raw), { ...sums, ...reference });
      },
      options,
    );
  }

  async layers(): Promise<readonly LayerInfo[]> {
    return this.#layers.layers.map(({ layout: _, skipped: __, notSpatial: ___, position: ____, ...info }) => info);
  }

  async activations(
    batch: Batch,
    layers: readonly (string | undefined)[],
    options: { signal?: AbortSignal } = {},
  ): Promise<readonly LayerValues[]> {
    this.#require('activations');
    const { asked, names, found } = this.#chosen(layers);
    this.#count(batch.count, 0);
    const values = found.map(layer => layerCollector(layer, batch.count));
    await this.#runner.activations(
      batch,
      names,
      (i, given) => given.forEach((v, k) => void values[k]!.put(i, v)),
      options.signal,
    );
    return asked.map(layer => {
      const k = names.indexOf(layer);
      return { layer, activations: values[k]!.tensor, ...spatiality(found[k]!) };
    });
  }

  async layer(
    batch: Batch,
    target: Target,
    layer: string | undefined,
    options: { signal?: AbortSignal } = {},
  ): Promise<LayerGradients> {
    return (await this.layerGradients(batch, target, [layer], options))[0]!;
  }

  async layerGradients(
    batch: Batch,
    target: Target,
    layers: readonly (string | undefined)[],
    options: { signal?: AbortSignal } = {},
  ): Promise<readonly LayerGradients[]> {
    this.#checkTarget(target);
    const { asked, names, found } = this.#chosen(layers);
    this.#count(batch.count, batch.count);
    const values = found.map(layer => layerCollector(layer, batch.count));
    const slopes = found.map(layer => layerCollector(layer, batch.count));
    await this.#runner.layerGradients(
      batch,
      target,
      names,
      (i, given) => {
        for (const [k, { activations, gradients }] of given.entries()) {
          values[k]!.put(i, activations);
          slopes[k]!.put(i, gradients);
        }
      },
      options.signal,
    );
    return asked.map(layer => {
      const k = names.indexOf(layer);
      return { layer, activations: values[k]!.tensor, gradients: slopes[k]!.tensor, ...spatiality(found[k]!) };
    });
  }

  async continueFrom(
    layer: string | undefined,
    batch: Batch,
    options: { as: ScoreKind; image: Tensor; signal?: AbortSignal },
  ): Promise<Tensor> {
    this.#require('continuation');
    const [found] = this.#chosen([layer]).found as [Layer];
    const { image } = options;
    const shape = [...this.input.spatial, this.input.channels];
    if (!sameShape(image.shape, shape)) {
      throw new CtXaiError('USAGE', `the image is [${image.shape}], the model takes [${shape}].`);
    }
    const { scores, consume } = this.#scoreRows(batch.count, options.as);
    const passes = await this.#runner.continueFrom(found, batch, image.data, consume, options.signal);
    this.#count(batch.count + passes, 0);
    return scores;
  }

  async biasGradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, score: number, terms: readonly BiasTerm[]) => void,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#checkTarget(target);
    this.#require('bias-gradients');
    this.#count(batch.count, batch.count);
    const row = new Float64Array(this.classes.length);
    await this.#runner.biasGradients!(
      batch,
      target,
      (i, gradient, raw, terms) => {
        this.#score(raw, target.score, row);
        consume(i, gradient, row[target.class]!, terms);
      },
      options.signal,
    );
  }

  async attention(image: Batch, target?: Target, options: { signal?: AbortSignal } = {}): Promise<AttentionOnImage> {
    if (target) this.#checkTarget(target);
    this.#require('attention');
    if (image.count !== 1) throw new CtXaiError('USAGE', `attention is of one image, not of ${image.count}.`);
    this.#count(1, target ? 1 : 0);
    return this.#runner.attention!(image, target, options.signal);
  }

  metered(meter: Meter): EngineClassifier {
    return new EngineClassifier({
      ...predictingOf(this),
      id: this.id,
      classes: this.classes,
      runtime: this.runtime,
      runner: this.#runner,
      layers: this.#layers,
      capabilities: this.capabilities,
      tracer: this.tracer,
      placements: this.placements,
      meters: [...this.#meters, meter],
    });
  }

  close(): Promise<void> {
    return this.#runner.close();
  }

  #score(raw: ArrayLike<number>, as: ScoreKind, out: Float64Array): void {
    scoresOf(raw, this.#runner.head, as, out);
  }

  /** Scores [n, classes], and what takes the raw scores of one image after the other. */
  #scoreRows(count: number, as: ScoreKind): { scores: Tensor; consume: (i: number, raw: Float32Array) => void } {
    const classes = this.classes.length;
    const scores = tensor([count, classes]);
    const row = new Float64Array(classes);
    const consume = (i: number, raw: Float32Array) => {
      this.#score(raw, as, row);
      scores.data.set(row, i * classes);
    };
    return { scores, consume };
  }

  /** The layers that were asked for, and each of them once, in the order of computation. */
  #chosen(layers: readonly (string | undefined)[]): {
    readonly asked: readonly string[];
    readonly names: readonly string[];
    readonly found: readonly Layer[];
  } {
    const chosen = layers.map(name => {
      const layer = name === undefined ? this.#layers.cam : this.#layers.find(name);
      if (layer) return layer;
      if (this.#layers.layers.length === 0) this.#require('layers');
      throw new CtXaiError('LAYER', `model '${this.id}' has no spatial layer before its scores, so no default layer.`, {
        hint: 'Name a layer.',
      });
    });
    const found = [...new Map(chosen.map(layer => [layer.name, layer])).values()];
    found.sort((a, b) => a.position - b.position);
    return { asked: chosen.map(layer => layer.name), names: found.map(layer => layer.name), found };
  }

  #require(capability: Capability): void {
    if (!this.capabilities.has(capability)) this.#lacks(capability);
  }

  #lacks(capability: Capability): never {
    const why = this.runtime.limitations?.[capability] ?? 'the engine does not offer it.';
    throw new CtXaiError('ENGINE', `model '${this.id}' has no ${capability}: ${why}`);
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

/** Whether a layer lies over the image's pixels, or why not. */
function spatiality({ spatial, notSpatial }: Layer): Pick<LayerValues, 'spatial' | 'notSpatial'> {
  return { spatial, ...(notSpatial === undefined ? {} : { notSpatial }) };
}
