import type { FullClassifier } from '../core/contracts/index.ts';
import { sizeOf } from '../core/tensor.ts';
import type { Check } from './conformance-check.ts';
import type { Needing } from './engine-ability-checks.ts';
import { counting, type EngineSubject } from './engine-subject.ts';

/** Gradients at biases, and attention. */
export function innerChecks(s: EngineSubject, needs: Needing): Check[] {
  const { reference } = s.given;
  const target = { class: 0, score: 'margin' } as const;
  const totals = async (model: FullClassifier) => {
    const found: { gradient: Float32Array; score: number; total: number }[] = [];
    await model.biasGradients(s.all, target, (_, gradient, score, terms) => {
      const total = terms.reduce((sum, { value }) => sum + value.data.reduce((a, b) => a + b, 0), 0);
      found.push({ gradient: gradient.slice(), score, total });
    });
    return found;
  };
  return [
    needs('attention', 'gives attention whose rows are shares, forward only or with gradients', async model => {
      const { counts, metered } = counting(model);
      const plain = await metered.attention(s.one(0));
      const { blocks, grid, extraTokens } = await metered.attention(s.one(0), target);
      s.ensure(counts.forward === 2 && counts.backward === 1, `attention counts ${JSON.stringify(counts)}.`);
      for (const [k, { name, weights, gradients }] of blocks.entries()) {
        const tokens = sizeOf(grid) + extraTokens;
        const square = weights.shape[1] === tokens && weights.shape[2] === tokens;
        s.ensure(square, `'${name}' is [${weights.shape}], not of ${tokens} tokens.`);
        s.near(plain.blocks[k]!.weights.data, weights.data, s.tolerance * 10, `'${name}' without gradients`);
        for (let from = 0; from < weights.data.length; from += tokens) {
          const row = weights.data.subarray(from, from + tokens);
          s.near([row.reduce((a, b) => a + b, 0)], [1], 1e-3, `a row of '${name}'`);
        }
        s.ensure(String(gradients?.shape) === String(weights.shape), `'${name}' has gradients [${gradients?.shape}].`);
        s.ensure(gradients!.data.every(Number.isFinite), `'${name}' has gradients that are not finite.`);
      }
    }),
    needs('bias-gradients', 'gives with its bias terms the gradient and score that it gives alone', async model => {
      const found = await totals(model);
      for (const [i, { gradient, score }] of (await s.gradientsOf(model, s.all, target)).entries()) {
        s.near(found[i]!.gradient, gradient, s.tolerance * 100, 'the gradient beside bias terms');
        s.near([found[i]!.score], [score], 1e-4, 'the score beside bias terms');
      }
    }),
    ...(reference
      ? [
          needs('bias-gradients', 'gives the bias terms of the formula', async model => {
            const [got, want] = await Promise.all([model, reference].map(totals));
            for (const [i, { total }] of got!.entries()) s.near([total], [want![i]!.total], 1e-3, 'the bias terms');
          }),
        ]
      : []),
  ];
}
