import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import { defineExplainer } from '../core/define.ts';
import { costOfPath, pathOptions, quadrature, spendOnPath, straightPathMap, untilComplete } from './shared/path.ts';

/**
 * Integrated gradients: (x − b) ∫₀¹ ∇f(b + s (x − b)) ds, the path straight in input space
 * (Sundararajan et al. 2017, equation 1). Additive: values sum to f(x) − f(b), up to the completeness gap, which the
 * diagnostics give.
 */
export const integratedGradients = defineExplainer({
  name: 'integrated-gradients',
  title: 'Integrated gradients',
  summary: 'Gradients summed along the straight path from the baseline to the image.',
  advice:
    'For those who need a map that sums to the score’s difference from a baseline, on any differentiable network; choose the baseline with care.',
  cite: 'Sundararajan et al. 2017, arXiv:1703.01365',
  kind: 'additive',
  followsPath: true,
  requires: ['gradients'],
  baseline: 'air',
  options: z.strictObject({
    ...pathOptions,
    rule: z.enum(['gauss-legendre', 'midpoint']).default('gauss-legendre').describe('where the points lie'),
  }),
  presets: {
    paper: { options: { score: 'logit' } },
    captum: { options: { score: 'logit', maxSteps: 50 }, baseline: 'zero-input' },
  },
  cost: costOfPath,
  spend: spendOnPath,

  async explain(context) {
    const { model, image, baseline, target, options: o, signal } = context;
    const score = { class: target.class, score: o.score };
    const [at = 0, before = 0] = await model.score(imageBatch(image, baseline), score, { signal });
    return untilComplete(o, at - before, steps =>
      straightPathMap(context, { baseline, score: o.score, ...quadrature(o.rule, steps) }),
    );
  },
});
