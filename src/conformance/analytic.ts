import type {
  AttentionOnImage,
  Batch,
  BiasTerm,
  Capability,
  FullClassifier,
  LayerInfo,
  Meter,
  Runtime,
  ScoreKind,
  Target,
} from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import { scoreMultipliers, type ThroughActivation, throughActivation } from './backward-rules.ts';

/** A spatial layer of an analytic model. */
export interface AnalyticLayer {
  readonly name: string;
  /** [h, w, channels] */
  readonly shape: readonly [number, number, number];
  activations(image: Float32Array): Float32Array;
  /** Σ_c seed_c · ∂z_c/∂A at this image; absent: the layer has no gradients. */
  gradient?(image: Float32Array, seed: Float64Array): Float32Array;
  /** z of the network run on from these values of the layer; absent: it can't be run on. */
  logits?(activations: Float32Array, image: Float32Array): Float64Array;
}

/** A network given by its logits and their exact derivatives. */
export interface AnalyticSpec {
  readonly id: string;
  /** [rows, columns], or [slices, rows, columns]. */
  readonly spatial: readonly number[];
  readonly channels: number;
  readonly classes: readonly string[];
  /** z, one per class, for one image [h, w, c]. */
  logits(image: Float32Array): Float64Array;
  /** Σ_c seed_c · ∂z_c/∂x, [h, w, c]; absent: the model has no gradients. */
  gradient?(image: Float32Array, seed: Float64Array): Float32Array;
  /**
   * What backward rules put in its place, [h, w, c], where the network is made of linear layers and activations; `pass`
   * goes through one activation. Absent: the model has derivatives only.
   */
  backward?(image: Float32Array, seed: Float64Array, pass: ThroughActivation, reference: Float32Array): Float32Array;
  /** Each bias times Σ_c seed_c · ∂z_c/∂(where it is added); absent: the model tells nothing of its biases. */
  biases?(image: Float32Array, seed: Float64Array): readonly BiasTerm[];
  /** Its attention blocks; with a seed, and the gradients of Σ_c seed_c · z_c. Absent: it has none. */
  attention?(image: Float32Array, seed: Float64Array | undefined): AttentionOnImage;
  readonly layer?: AnalyticLayer;
}

/**
 * A classifier computed in this process from formulas: an oracle for explainers and metrics.
 *
 * A gradient costs one forward and one backward pass. Every buffer is filled with NaN before a batch writes into it,
 * so a batch that leaves a pixel unwritten is caught (`CtXaiError` PLUGIN).
 */
export function analyticModel(spec: AnalyticSpec): FullClassifier {
  return classifier(spec, []);
}

function classifier(spec: AnalyticSpec, meters: readonly Meter[]): FullClassifier {
  const shape = [...spec.spatial, spec.channels];
  const { capabilities, limitations } = abilitiesOf(spec);
  const read = imageReader(sizeOf(shape));
  const count = (forward: number, backward: number) => {
    for (const meter of meters) {
      meter.forward(forward);
      if (backward > 0) meter.backward(backward);
    }
  };
  const lacks = (capability: Capability): never => {
    throw new CtXaiError('ENGINE', `model '${spec.id}' has no ${capability}: ${limitations[capability]}`);
  };
  const layerOf = (name: string | undefined): AnalyticLayer => {
    const { layer } = spec;
    if (layer && (name === undefined || name === layer.name)) return layer;
    throw new CtXaiError('LAYER', `model '${spec.id}' has no layer '${name ?? '(CAM layer)'}'.`, {
      hint: layer ? `There is: ${layer.name}.` : 'It has no spatial layer.',
    });
  };
  const imagesOf = (batch: Batch, signal: AbortSignal | undefined): Float32Array[] =>
    Array.from({ length: batch.count }, (_, i) => {
      signal?.throwIfAborted();
      return read(batch, i);
    });
  /** Gradients by backward rules; `lrp` gives relevance, x times its multiplier, from the score on. */
  const byRules: FullClassifier['gradients'] = async (batch, target, consume, { rules, reference, signal } = {}) => {
    const backward = spec.backward ?? lacks('backward-rules');
    const pass = throughActivation(rules!);
    for (let i = 0; i < batch.count; i++) {
      signal?.throwIfAborted();
      const image = read(batch, i);
      const other = reference ? read(reference, reference.count === 1 ? 0 : i) : image;
      const [z, zOther] = [spec.logits(image), spec.logits(other)];
      const seed = rules!.name === 'deeplift' ? scoreMultipliers(z, zOther, target) : scoreSeed(z, target);
      const values = backward(image, seed, pass, other);
      const given = rules!.name === 'lrp' ? values.map((m, k) => m * image[k]!) : values;
      const sums = {
        scores: seed.reduce((sum, v, c) => sum + v * z[c]!, 0),
        ...(reference ? { 'reference score': scoreOf(zOther, target) } : {}),
      };
      consume(i, given, scoreOf(z, target), sums);
    }
    count(batch.count * (reference ? 2 : 1), batch.count);
  };
  const layerInfo: LayerInfo[] = spec.layer
    ? [{ name: spec.layer.name, shape: spec.layer.shape, operator: 'Analytic', spatial: true, cam: true, depth: 0.5 }]
    : [];

  return {
    id: spec.id,
    input: { spatial: spec.spatial, channels: spec.channels },
    classes: spec.classes,
    capabilities,
    runtime: runtimeOf(spec, limitations),

    async scores(batch, { as, signal }) {
      const k = spec.classes.length;
      const out = tensor([batch.count, k]);
      for (let i = 0; i < batch.count; i++) {
        signal?.throwIfAborted();
        const z = spec.logits(read(batch, i));
        for (let c = 0; c < k; c++) out.data[i * k + c] = scoreOf(z, { class: c, score: as });
      }
      count(batch.count, 0);
      return out;
    },

    async score(batch, target, options = {}) {
      const { data } = await this.scores(batch, { as: target.score, ...options });
      return Float32Array.from({ length: batch.count }, (_, i) => data[i * spec.classes.length + target.class]!);
    },

    async gradients(batch, target, consume, options = {}) {
      if (options.rules && options.rules.name !== 'standard') return byRules(batch, target, consume, options);
      const gradient = spec.gradient ?? lacks('gradients');
      for (let i = 0; i < batch.count; i++) {
        options.signal?.throwIfAborted();
        const image = read(batch, i);
        const z = spec.logits(image);
        consume(i, gradient(image, scoreSeed(z, target)), scoreOf(z, target));
      }
      count(batch.count, batch.count);
    },

    async layers() {
      return layerInfo;
    },

    async activations(batch, layers, options = {}) {
      const found = layers.map(layerOf);
      const images = imagesOf(batch, options.signal);
      count(batch.count, 0);
      return found.map(layer => ({
        layer: layer.name,
        activations: stacked(images.map(layer.activations), layer.shape),
      }));
    },

    async layer(batch, target, name, options) {
      return (await this.layerGradients(batch, target, [name], options))[0]!;
    },

    async layerGradients(batch, target, layers, options = {}) {
      const found = layers.map(layerOf);
      const images = imagesOf(batch, options.signal);
      count(batch.count, batch.count);
      return found.map(layer => {
        const gradient = layer.gradient ?? lacks('layers');
        const seeded = (image: Float32Array) => gradient(image, scoreSeed(spec.logits(image), target));
        return {
          layer: layer.name,
          activations: stacked(images.map(layer.activations), layer.shape),
          gradients: stacked(images.map(seeded), layer.shape),
        };
      });
    },

    async continueFrom(name, batch, { as, image, signal }) {
      const layer = layerOf(name);
      const logits = layer.logits ?? lacks('continuation');
      const readLayer = imageReader(sizeOf(layer.shape));
      const k = spec.classes.length;
      const out = tensor([batch.count, k]);
      for (let i = 0; i < batch.count; i++) {
        signal?.throwIfAborted();
        const z = logits(readLayer(batch, i), image.data);
        for (let c = 0; c < k; c++) out.data[i * k + c] = scoreOf(z, { class: c, score: as });
      }
      count(batch.count, 0);
      return out;
    },

    async biasGradients(batch, target, consume, options = {}) {
      const { gradient = lacks('gradients'), biases = lacks('bias-gradients') } = spec;
      for (const [i, image] of imagesOf(batch, options.signal).entries()) {
        const z = spec.logits(image);
        const seed = scoreSeed(z, target);
        consume(i, gradient(image, seed), scoreOf(z, target), biases(image, seed));
      }
      count(batch.count, batch.count);
    },

    async attention(batch, target, options = {}) {
      const { attention = lacks('attention') } = spec;
      const [image] = imagesOf(batch, options.signal) as [Float32Array];
      count(1, target ? 1 : 0);
      return attention(image, target && scoreSeed(spec.logits(image), target));
    },

    metered: meter => classifier(spec, [...meters, meter]),
    async close() {},
  };
}

type Limitations = Partial<Record<Capability, string>>;

/** What the specification has formulas for, and why the rest is missing. */
function abilitiesOf({ gradient, backward, biases, attention, layer }: AnalyticSpec): {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limitations: Limitations;
} {
  const missing = 'no formula is given for it.';
  const limitations: Limitations = {
    ...(backward ? {} : { 'backward-rules': 'it is a formula without operators.' }),
    ...(biases ? {} : { 'bias-gradients': 'it is a formula without biases.' }),
    ...(attention ? {} : { attention: 'it has no attention.' }),
    ...(gradient ? {} : { gradients: missing }),
    ...(layer ? {} : { activations: 'it has no layer.' }),
    ...(layer?.gradient ? {} : { layers: layer ? missing : 'it has no layer.' }),
    ...(layer?.logits ? {} : { continuation: layer ? missing : 'it has no layer.' }),
  };
  const all = [
    'gradients',
    'backward-rules',
    'activations',
    'layers',
    'continuation',
    'bias-gradients',
    'attention',
  ] as const;
  return { capabilities: new Set(all.filter(name => limitations[name] === undefined)), limitations };
}

function runtimeOf(spec: AnalyticSpec, limitations: Limitations): Runtime {
  return {
    engine: 'analytic',
    engineVersion: '1',
    device: 'cpu',
    microBatch: 1,
    workers: 1,
    threads: 1,
    ...(spec.layer ? { camLayer: spec.layer.name } : {}),
    limitations,
  };
}

/** Reads one image (or a layer's values) of a batch, into a fresh buffer of NaN. */
function imageReader(size: number): (batch: Batch, i: number) => Float32Array {
  return (batch, i) => {
    const out = new Float32Array(size).fill(Number.NaN);
    batch.write(i, out);
    const hole = out.findIndex(v => !Number.isFinite(v));
    if (hole >= 0) {
      throw new CtXaiError('PLUGIN', `image ${i} of a batch has no finite value at index ${hole}.`, {
        hint: "Batch.write must fill all of 'out' with finite numbers.",
      });
    }
    return out;
  };
}

function stacked(parts: readonly Float32Array[], shape: readonly number[]): Tensor {
  const out = tensor([parts.length, ...shape]);
  parts.forEach((part, i) => {
    out.data.set(part, i * sizeOf(shape));
  });
  return out;
}

function logSumExp(z: Float64Array, skip: number): number {
  let max = -Infinity;
  for (let c = 0; c < z.length; c++) if (c !== skip && z[c]! > max) max = z[c]!;
  let sum = 0;
  for (let c = 0; c < z.length; c++) if (c !== skip) sum += Math.exp(z[c]! - max);
  return max + Math.log(sum);
}

/** The target's score, from the logits of all classes. */
function scoreOf(z: Float64Array, target: Target): number {
  const margin = z[target.class]! - logSumExp(z, target.class);
  const kinds: Record<ScoreKind, number> = {
    logit: z[target.class]!,
    margin,
    probability: 1 / (1 + Math.exp(-margin)),
  };
  return kinds[target.score];
}

/** ∂ score / ∂ z. */
function scoreSeed(z: Float64Array, target: Target): Float64Array {
  const t = target.class;
  const seed = new Float64Array(z.length);
  seed[t] = 1;
  if (target.score === 'logit') return seed;
  const others = logSumExp(z, t);
  for (let c = 0; c < z.length; c++) if (c !== t) seed[c] = -Math.exp(z[c]! - others);
  if (target.score === 'probability') {
    const p = scoreOf(z, target);
    for (let c = 0; c < z.length; c++) seed[c]! *= p * (1 - p);
  }
  return seed;
}
