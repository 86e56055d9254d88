import type { FullClassifier } from '../core/contracts/index.ts';
import { createRng } from '../core/rng.ts';
import { sizeOf, tensor } from '../core/tensor.ts';
import { analyticModel } from './analytic.ts';
import type { ThroughActivation } from './backward-rules.ts';

/**
 * z = W·x + b: gradients are the weights, and every explanation of a logit is known in closed form.
 * No layer. Without `weights`, weights are drawn from `seed`.
 */
export function linearModel(spec: {
  height: number;
  width: number;
  channels?: number;
  /** One [h, w, c] array per class. */
  weights?: readonly ArrayLike<number>[];
  /** One number per class; default 0. */
  bias?: ArrayLike<number>;
  classes?: number;
  seed?: string | number;
}): FullClassifier {
  const { height, width, channels = 1, bias } = spec;
  const size = height * width * channels;
  const rng = createRng(`linear-model ${spec.seed ?? 0}`);
  const weights =
    spec.weights ??
    Array.from({ length: spec.classes ?? 3 }, () =>
      Float64Array.from({ length: size }, () => rng.normal() / Math.sqrt(size)),
    );
  for (const w of weights) {
    if (w.length !== size) throw new RangeError(`linearModel: a class needs ${size} weights, got ${w.length}`);
  }
  const gradient = (seed: Float64Array) => {
    const g = new Float64Array(size);
    weights.forEach((w, c) => {
      for (let i = 0; i < size; i++) g[i]! += seed[c]! * w[i]!;
    });
    return Float32Array.from(g);
  };
  return analyticModel({
    id: 'linear',
    spatial: [height, width],
    channels,
    classes: classNames(weights.length),
    logits: x => Float64Array.from(weights, (w, c) => dot(w, x) + (bias?.[c] ?? 0)),
    gradient: (_, seed) => gradient(seed),
    backward: (_, seed) => gradient(seed),
  });
}

export interface SmoothSpec {
  readonly height: number;
  readonly width: number;
  readonly channels?: number;
  readonly filters?: number;
  readonly classes?: number;
  readonly seed?: string | number;
}

/** The parameters of a smooth model, drawn from its seed. */
export function smoothParameters({ channels = 1, filters = 4, classes = 3, seed = 0 }: SmoothSpec): {
  /** [3, 3, channels, filters] */
  readonly kernel: Float64Array;
  readonly bias: Float64Array;
  /** U, [filters, filters] */
  readonly mix: Float64Array;
  /** V, [classes, filters] */
  readonly head: Float64Array;
} {
  const rng = createRng(`smooth-model ${seed}`);
  const draw = (n: number, scale: number) => Float64Array.from({ length: n }, () => scale * rng.normal());
  return {
    kernel: draw(9 * channels * filters, 0.6),
    bias: draw(filters, 0.2),
    mix: draw(filters * filters, 1.5),
    head: draw(classes * filters, 2),
  };
}

/**
 * A small smooth network of three classes: A = tanh(3×3 convolution of x, zero-padded) is the layer `features`,
 * z = V·tanh(U·mean A). Parameters are drawn from `seed`; derivatives are exact.
 */
export function smoothModel(spec: SmoothSpec): FullClassifier {
  const { height, width, channels = 1, filters = 4, classes = 3 } = spec;
  const { kernel, bias, mix, head } = smoothParameters(spec);
  const layer = convolution({ height, width, channels, filters }, kernel);
  const area = height * width;

  const filtered = (x: Float32Array) => convolve(x, layer).map((v, i) => v + bias[i % filters]!);
  const features = (x: Float32Array): Float64Array => filtered(x).map(Math.tanh);
  const mixed = (a: Float64Array): Float64Array => {
    const mean = new Float64Array(filters);
    for (let i = 0; i < a.length; i++) mean[i % filters]! += a[i]! / area;
    return matVec(mix, mean);
  };
  const hidden = (a: Float64Array): Float64Array => mixed(a).map(Math.tanh);
  const backToFeatures = (a: Float64Array, seed: Float64Array): Float64Array => {
    const h = hidden(a);
    const back = vecMat(seed, head, filters).map((g, k) => g * (1 - h[k]! ** 2));
    const perChannel = vecMat(back, mix, filters).map(g => g / area);
    return Float64Array.from(a, (_, i) => perChannel[i % filters]!);
  };

  return analyticModel({
    id: 'smooth',
    spatial: [height, width],
    channels,
    classes: classNames(classes),
    logits: x => matVec(head, hidden(features(x))),
    gradient(x, seed) {
      const a = features(x);
      const g = backToFeatures(a, seed);
      for (let i = 0; i < g.length; i++) g[i]! *= 1 - a[i]! ** 2;
      return Float32Array.from(convolveBack(g, layer));
    },
    backward(x, seed, pass, reference) {
      const [before, other] = [filtered(x), filtered(reference)];
      const through = throughTanh(pass);
      const [units, otherUnits] = [mixed(before.map(Math.tanh)), mixed(other.map(Math.tanh))];
      const perChannel = vecMat(through(vecMat(seed, head, filters), units, otherUnits), mix, filters);
      const back = Float64Array.from(before, (_, i) => perChannel[i % filters]! / area);
      return Float32Array.from(convolveBack(through(back, before, other), layer));
    },
    biases(x, seed) {
      const a = features(x);
      const values = backToFeatures(a, seed).map((g, i) => g * (1 - a[i]! ** 2) * bias[i % filters]!);
      return [{ name: 'filtered', value: tensor([height, width, filters], Float32Array.from(values)), spatial: true }];
    },
    layer: {
      name: 'features',
      shape: [height, width, filters],
      activations: x => Float32Array.from(features(x)),
      gradient: (x, seed) => Float32Array.from(backToFeatures(features(x), seed)),
      logits: a => matVec(head, hidden(Float64Array.from(a))),
    },
  });
}

/**
 * z = V·tanh(U·x), three classes, on images of any number of axes. No layer. Parameters are drawn from `seed`;
 * derivatives are exact.
 */
export function denseModel(spec: {
  spatial: readonly number[];
  channels?: number;
  hidden?: number;
  classes?: number;
  seed?: string | number;
}): FullClassifier {
  const { spatial, channels = 1, hidden = 5, classes = 3 } = spec;
  const size = sizeOf(spatial) * channels;
  const rng = createRng(`dense-model ${spec.seed ?? 0}`);
  const draw = (n: number, scale: number) => Float64Array.from({ length: n }, () => scale * rng.normal());
  const mix = draw(hidden * size, 6 / Math.sqrt(size));
  const head = draw(classes * hidden, 1);
  const mixed = (x: Float32Array) => matVec(mix, Float64Array.from(x));
  const unitsOf = (x: Float32Array) => mixed(x).map(Math.tanh);
  return analyticModel({
    id: 'dense',
    spatial,
    channels,
    classes: classNames(classes),
    logits: x => matVec(head, unitsOf(x)),
    gradient(x, seed) {
      const units = unitsOf(x);
      const back = vecMat(seed, head, hidden).map((g, k) => g * (1 - units[k]! ** 2));
      return Float32Array.from(vecMat(back, mix, size));
    },
    backward(x, seed, pass, reference) {
      const back = throughTanh(pass)(vecMat(seed, head, hidden), mixed(x), mixed(reference));
      return Float32Array.from(vecMat(back, mix, size));
    },
  });
}

/** What goes back through tanh, value by value, given what went in and what went in for the reference image. */
function throughTanh(pass: ThroughActivation) {
  return (g: Float64Array, before: Float64Array, referenceBefore: Float64Array): Float64Array =>
    g.map((value, i) => {
      const [after, referenceAfter] = [Math.tanh(before[i]!), Math.tanh(referenceBefore[i]!)];
      return pass(value, {
        ...{ before: before[i]!, after, referenceAfter, derivative: 1 - after ** 2 },
        referenceBefore: referenceBefore[i]!,
      });
    });
}

const classNames = (n: number): string[] => Array.from({ length: n }, (_, c) => `class-${c}`);

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** M·v for a row-major matrix with v.length columns. */
function matVec(m: Float64Array, v: Float64Array): Float64Array {
  const n = v.length;
  return Float64Array.from({ length: m.length / n }, (_, r) => dot(m.subarray(r * n, (r + 1) * n), v));
}

/** vᵀ·M for a row-major matrix of v.length rows. */
function vecMat(v: Float64Array, m: Float64Array, columns: number): Float64Array {
  const out = new Float64Array(columns);
  for (let r = 0; r < v.length; r++) {
    for (let c = 0; c < columns; c++) out[c]! += v[r]! * m[r * columns + c]!;
  }
  return out;
}

interface Convolution {
  readonly channels: number;
  readonly filters: number;
  /** [3, 3, channels, filters] */
  readonly kernel: Float64Array;
  /** Triples of first indices into image, features and kernel: one for every tap that falls inside the image. */
  readonly taps: Int32Array;
  readonly area: number;
}

function convolution(size: { height: number; width: number; channels: number; filters: number }, kernel: Float64Array) {
  const { height, width, channels, filters } = size;
  const taps: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const [yy, xx] = [y + dy, x + dx];
          if (yy < 0 || yy >= height || xx < 0 || xx >= width) continue;
          const tap = (dy + 1) * 3 + dx + 1;
          taps.push((yy * width + xx) * channels, (y * width + x) * filters, tap * channels * filters);
        }
      }
    }
  }
  return { channels, filters, kernel, taps: Int32Array.from(taps), area: height * width };
}

function convolve(x: ArrayLike<number>, { channels, filters, kernel, taps, area }: Convolution): Float64Array {
  const out = new Float64Array(area * filters);
  for (let t = 0; t < taps.length; t += 3) {
    const [input, output, tap] = [taps[t]!, taps[t + 1]!, taps[t + 2]!];
    for (let k = 0; k < channels; k++) {
      const value = x[input + k]!;
      for (let f = 0; f < filters; f++) out[output + f]! += kernel[tap + k * filters + f]! * value;
    }
  }
  return out;
}

/** The transpose of `convolve`. */
function convolveBack(g: Float64Array, { channels, filters, kernel, taps, area }: Convolution): Float64Array {
  const out = new Float64Array(area * channels);
  for (let t = 0; t < taps.length; t += 3) {
    const [input, output, tap] = [taps[t]!, taps[t + 1]!, taps[t + 2]!];
    for (let k = 0; k < channels; k++) {
      for (let f = 0; f < filters; f++) out[input + k]! += kernel[tap + k * filters + f]! * g[output + f]!;
    }
  }
  return out;
}
