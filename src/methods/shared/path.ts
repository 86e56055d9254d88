import { z } from 'zod';
import type { Attribution, Batch, Cost, ExplainContext, ScoreKind } from '../../core/contracts/index.ts';
import { gaussLegendre, midpoints, type Quadrature } from '../../core/linear/quadrature.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { completeness, SMALL_DIFFERENCE } from './completeness.ts';
import { scoreOption } from './options.ts';

/** Options of explainers that integrate along a path until the map is complete. */
export const pathOptions = {
  score: scoreOption('margin'),
  steps: z.int().min(1).max(10_000).default(50).describe('points on the path, to begin with'),
  maxSteps: z.int().min(1).max(10_000).default(400).describe('points are doubled up to this while the gap is too wide'),
  tolerance: z.number().positive().default(0.05).describe('allowed completeness gap, a share of the score difference'),
};

export type PathOptions = z.output<z.ZodObject<typeof pathOptions>>;

/** The share of maps that need twice the points, each time: measured, see docs/precision.md. */
const DOUBLED = 0.4;

/** Both ends of the path, then a pass forward and one backward for each point. */
export function costOfPath({ steps, maxSteps }: Pick<PathOptions, 'steps' | 'maxSteps'>): Cost {
  let expected = steps;
  for (let [points, share] = [steps, 1]; points < maxSteps; ) {
    [points, share] = [Math.min(2 * points, maxSteps), DOUBLED * share];
    expected += share * points;
  }
  expected = Math.round(expected);
  return { forward: steps + 2, backward: steps, expected: { forward: expected + 2, backward: expected } };
}

/** The points that a number of passes pays for; they are not doubled. */
export function spendOnPath<O extends PathOptions>(passes: number, o: O): O | undefined {
  const steps = Math.min(10_000, Math.floor((passes - 2) / 2));
  return steps < 1 ? undefined : { ...o, steps, maxSteps: steps };
}

/**
 * A map integrated with more and more points until its sum is the score difference, within the tolerance.
 *
 * Diagnostics: `steps` used; `completenessGap` = |Σa − Δf| / |Δf|, left out where the denominator is under 0.1;
 * `completenessGapAbsolute`, its numerator; `converged` 1 or 0: within the tolerance.
 */
export async function untilComplete(
  { steps, maxSteps, tolerance }: PathOptions,
  difference: number,
  integrate: (steps: number) => Promise<Tensor>,
): Promise<Attribution> {
  const scale = Math.max(Math.abs(difference), SMALL_DIFFERENCE);
  for (let points = steps; ; points = Math.min(2 * points, maxSteps)) {
    const map = await integrate(points);
    const gaps = completeness(map, difference);
    const gap = gaps.completenessGapAbsolute;
    if (gap === undefined) return { map, diagnostics: { steps: points, converged: 0 } };
    const converged = gap <= tolerance * scale;
    if (!converged && points < maxSteps) continue;
    return { map, diagnostics: { steps: points, ...gaps, converged: converged ? 1 : 0 } };
  }
}

/** Nodes and weights on [0, 1] of a rule by its name. */
export function quadrature(rule: 'gauss-legendre' | 'midpoint', steps: number): Quadrature {
  return rule === 'midpoint' ? midpoints(steps) : gaussLegendre(steps);
}

/** Σ_c (x − b) ∫₀¹ ∇f(b + s (x − b)) ds by a quadrature: integrated gradients, [...spatial]. */
export async function straightPathMap(
  {
    model,
    image,
    target,
    signal,
  }: Pick<ExplainContext<['gradients'], unknown>, 'model' | 'image' | 'target' | 'signal'>,
  { baseline, score, nodes, weights }: { readonly baseline: Tensor; readonly score: ScoreKind } & Quadrature,
): Promise<Tensor> {
  const mean = new Float64Array(image.data.length);
  await model.gradients(
    straightPath(image, baseline, nodes),
    { class: target.class, score },
    (i, gradient) => {
      const w = weights[i]!;
      for (let k = 0; k < mean.length; k++) mean[k]! += w * gradient[k]!;
    },
    { signal },
  );
  const map = tensor(image.shape.slice(0, -1));
  const channels = image.shape.at(-1)!;
  for (let p = 0; p < map.data.length; p++) {
    let value = 0;
    for (let k = p * channels; k < (p + 1) * channels; k++) value += mean[k]! * (image.data[k]! - baseline.data[k]!);
    map.data[p] = value;
  }
  return map;
}

/** The images b + s (x − b) for every node s. */
function straightPath(image: Tensor, baseline: Tensor, nodes: Float64Array): Batch {
  return { count: nodes.length, write: (i, out) => between(image, baseline, nodes[i]!, out) };
}

/** Writes b + s (x − b). */
export function between(image: Tensor, baseline: Tensor, s: number, out: Float32Array): void {
  for (let k = 0; k < out.length; k++) out[k] = baseline.data[k]! + s * (image.data[k]! - baseline.data[k]!);
}
