import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import type { Batch, ExplainContext } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { gaussLegendre, midpoints } from '../core/linear/quadrature.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { scoreOption } from './shared/options.ts';

/** Below this |f(x) − f(b)| a relative gap means nothing: the absolute one is judged, against this. */
const SMALL_DIFFERENCE = 0.1;

const options = z.strictObject({
  score: scoreOption('margin'),
  steps: z.int().min(1).max(10_000).default(50).describe('points on the path, to begin with'),
  maxSteps: z.int().min(1).max(10_000).default(400).describe('points are doubled up to this while the gap is too wide'),
  tolerance: z.number().positive().default(0.05).describe('allowed completeness gap, a share of f(x) − f(baseline)'),
  rule: z.enum(['gauss-legendre', 'midpoint']).default('gauss-legendre').describe('where the points lie'),
});

type Context = ExplainContext<readonly ['gradients'], z.output<typeof options>>;

/**
 * Integrated gradients: (x − b) ∫₀¹ ∇f(b + s (x − b)) ds, the path straight in input space
 * (Sundararajan et al. 2017, equation 1). Additive: values sum to f(x) − f(b), up to the completeness gap.
 *
 * Diagnostics: `steps` used; `completenessGap` = |Σa − (f(x) − f(b))| / |f(x) − f(b)|, left out where the
 * denominator is under 0.1; `completenessGapAbsolute`, its numerator; `converged` 1 or 0: within the tolerance.
 */
export const integratedGradients = defineExplainer({
  name: 'integrated-gradients',
  title: 'Integrated gradients',
  summary: 'Gradients summed along the straight path from the baseline to the image.',
  cite: 'Sundararajan et al. 2017, arXiv:1703.01365',
  kind: 'additive',
  followsPath: true,
  requires: ['gradients'],
  baseline: 'air',
  options,
  presets: {
    paper: { options: { score: 'logit' } },
    captum: { options: { score: 'logit', maxSteps: 50 }, baseline: 'zero-input' },
  },
  cost: ({ steps }) => ({ forward: steps + 2, backward: steps }),
  spend(passes, o) {
    // Both ends of the path, then a pass forward and one backward for each point, which are not doubled.
    const steps = Math.min(10_000, Math.floor((passes - 2) / 2));
    return steps < 1 ? undefined : { ...o, steps, maxSteps: steps };
  },

  async explain(context) {
    const { model, image, baseline, target, options: o, signal } = context;
    const ends = await model.scores(imageBatch(image, baseline), { as: o.score, signal });
    const classes = model.classes.length;
    const difference = ends.data[target.class]! - ends.data[classes + target.class]!;
    const scale = Math.max(Math.abs(difference), SMALL_DIFFERENCE);
    for (let steps = o.steps; ; steps = Math.min(2 * steps, o.maxSteps)) {
      const map = await integrate(context, steps);
      const gap = Math.abs(sum(map) - difference);
      if (!Number.isFinite(gap)) return { map, diagnostics: { steps, converged: 0 } };
      const converged = gap <= o.tolerance * scale;
      if (!converged && steps < o.maxSteps) continue;
      const relative = Math.abs(difference) < SMALL_DIFFERENCE ? {} : { completenessGap: gap / Math.abs(difference) };
      const diagnostics = { steps, completenessGapAbsolute: gap, ...relative, converged: converged ? 1 : 0 };
      return { map, diagnostics };
    }
  },
});

async function integrate({ model, image, baseline, target, options: o, signal }: Context, steps: number) {
  const { nodes, weights } = o.rule === 'midpoint' ? midpoints(steps) : gaussLegendre(steps);
  const mean = new Float64Array(image.data.length);
  await model.gradients(
    pathBatch(image, baseline, nodes),
    { class: target.class, score: o.score },
    (i, gradient) => {
      const w = weights[i]!;
      for (let k = 0; k < mean.length; k++) mean[k]! += w * gradient[k]!;
    },
    { signal },
  );
  const [height = 0, width = 0, channels = 1] = image.shape;
  const map = tensor([height, width]);
  for (let p = 0; p < height * width; p++) {
    let value = 0;
    for (let k = p * channels; k < (p + 1) * channels; k++) value += mean[k]! * (image.data[k]! - baseline.data[k]!);
    map.data[p] = value;
  }
  return map;
}

/** The images b + s (x − b) for every node s. */
function pathBatch(image: Tensor, baseline: Tensor, nodes: Float64Array): Batch {
  return {
    count: nodes.length,
    write(i, out) {
      const s = nodes[i]!;
      for (let k = 0; k < out.length; k++) out[k] = baseline.data[k]! + s * (image.data[k]! - baseline.data[k]!);
    },
  };
}

function sum(map: Tensor): number {
  let total = 0;
  for (const v of map.data) total += v;
  return total;
}
