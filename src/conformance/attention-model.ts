import type { AttentionBlock, FullClassifier } from '../core/contracts/index.ts';
import { createRng } from '../core/rng.ts';
import { tensor } from '../core/tensor.ts';
import { analyticModel } from './analytic.ts';

const [ROWS, COLUMNS] = [3, 2] as const;
const TOKENS = 1 + ROWS * COLUMNS;
const WIDTH = 4;
const HEADS = 2;
const CLASSES = 3;

/**
 * A vision transformer of one block and three classes on 3 × 2 patches, by formula: tokens t are linear in a patch's mean
 * values, plus a place's own vector, behind a class token; A = softmax(QKᵀ) with two heads; z = V·tanh(t₀ + Σ_h U_h (A V_h t)₀).
 * Parameters are drawn from `seed`; derivatives with respect to A are exact. It has no other abilities.
 */
export function attentionModel(spec: {
  height: number;
  width: number;
  channels?: number;
  seed?: string | number;
}): FullClassifier {
  const { height, width, channels = 1 } = spec;
  const rng = createRng(`attention-model ${spec.seed ?? 0}`);
  const draw = (rows: number, columns: number, scale: number) =>
    Array.from({ length: rows }, () => Float64Array.from({ length: columns }, () => scale * rng.normal()));
  const embed = draw(WIDTH, channels, 4);
  const places = draw(TOKENS, WIDTH, 0.5);
  const heads = Array.from({ length: HEADS }, () => ({
    query: draw(WIDTH, WIDTH, 1),
    key: draw(WIDTH, WIDTH, 1),
    value: draw(WIDTH, WIDTH, 1),
    out: draw(WIDTH, WIDTH, 1),
  }));
  const head = draw(CLASSES, WIDTH, 1.5);

  const tokensOf = (x: Float32Array) =>
    places.map((place, t) => {
      if (t === 0) return place;
      const sums = new Float64Array(channels);
      let pixels = 0;
      for (let p = 0; p < height * width; p++) {
        const [row, column] = [
          Math.floor((Math.floor(p / width) * ROWS) / height),
          Math.floor(((p % width) * COLUMNS) / width),
        ];
        if (1 + row * COLUMNS + column !== t) continue;
        pixels++;
        for (let k = 0; k < channels; k++) sums[k]! += x[p * channels + k]!;
      }
      return plus(
        place,
        times(
          embed,
          sums.map(v => v / pixels),
        ),
      );
    });
  const computed = (x: Float32Array) => {
    const tokens = tokensOf(x);
    const found = heads.map(({ query, key, value, out }) => {
      const keys = tokens.map(t => times(key, t));
      const weights = tokens.map(t => softmax(keys.map(k => dot(k, times(query, t)) / Math.sqrt(WIDTH))));
      const values = tokens.map(t => times(out, times(value, t)));
      return { weights, values };
    });
    const attended = found.map(({ weights, values }) =>
      values.reduce((sum, v, j) => plus(sum, v, weights[0]![j]!), new Float64Array(WIDTH)),
    );
    const hidden = attended.reduce((sum, v) => plus(sum, v), tokens[0]!).map(Math.tanh);
    return { found, hidden };
  };
  return analyticModel({
    id: 'attention',
    spatial: [height, width],
    channels,
    classes: Array.from({ length: CLASSES }, (_, c) => `class-${c}`),
    logits: x => times(head, computed(x).hidden),
    attention(x, seed) {
      const { found, hidden } = computed(x);
      const shape = [HEADS, TOKENS, TOKENS];
      const weights = tensor(shape, Float32Array.from(found.flatMap(h => h.weights.flatMap(row => [...row]))));
      const block: AttentionBlock = { name: 'block', weights };
      if (!seed) return { blocks: [block], grid: [ROWS, COLUMNS], extraTokens: 1 };
      const back = hidden.map((h, i) => (1 - h ** 2) * head.reduce((sum, row, c) => sum + seed[c]! * row[i]!, 0));
      const gradients = tensor(shape);
      // The score is read from the class token, the first: only its row matters.
      for (const [h, { values }] of found.entries()) {
        gradients.data.set(
          values.map(v => dot(back, v)),
          h * TOKENS ** 2,
        );
      }
      return { blocks: [{ ...block, gradients }], grid: [ROWS, COLUMNS], extraTokens: 1 };
    },
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, v, i) => sum + v * b[i]!, 0);
}

function times(matrix: readonly Float64Array[], v: Float64Array): Float64Array {
  return Float64Array.from(matrix, row => dot(row, v));
}

function plus(a: Float64Array, b: Float64Array, factor = 1): Float64Array {
  return a.map((v, i) => v + factor * b[i]!);
}

function softmax(scores: readonly number[]): Float64Array {
  const most = Math.max(...scores);
  const powers = scores.map(v => Math.exp(v - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return Float64Array.from(powers, v => v / total);
}
