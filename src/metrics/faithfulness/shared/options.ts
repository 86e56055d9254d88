import { z } from 'zod';
import type { Cost, ModelInput, SharedPasses } from '../../../core/contracts/index.ts';
import { edgesPerStep, equalEdges } from '../../../core/perturbation/path.ts';
import { planar } from '../../../core/tensor.ts';
import { patchSize, patchSizeOptions } from '../../shared/patch-options.ts';

const orderOptions = {
  steps: z.int().min(1).default(100).describe('equal steps from the first to the last element'),
  pixelsPerStep: z.int().min(1).optional().describe('pixels changed a step, instead of equal steps'),
  unit: z.enum(['pixels', 'patches']).default('pixels').describe('what is ordered and changed together'),
  ...patchSizeOptions,
  order: z
    .enum(['seeded', 'stable'])
    .default('seeded')
    .describe('among ties: a seeded random order that all methods share, or row by row'),
  tieFields: z.int().min(1).max(50).default(5).describe('random orders averaged where many pixels are tied'),
};

/** Steps by pixels need pixels to be ordered. */
const stepsFit = (o: { readonly unit: string; readonly pixelsPerStep?: number | undefined }) =>
  o.unit === 'pixels' || o.pixelsPerStep === undefined;
const stepsDoNotFit = {
  message: 'pixelsPerStep needs unit: pixels; with unit: patches give steps',
  path: ['pixelsPerStep'],
};

/** What metrics have in common that read a curve, whatever score it follows. */
export const curveOrderOptions = z.strictObject(orderOptions).refine(stepsFit, stepsDoNotFit);

/** What the metrics have in common that perturb an image in the order of its map and follow the score. */
export const curveOptions = z
  .strictObject({
    ...orderOptions,
    score: z.enum(['probability', 'logit', 'margin']).default('probability').describe('score followed along the curve'),
    normalised: z
      .boolean()
      .default(false)
      .describe('the area of (s − s(baseline)) / (s(image) − s(baseline)), s the margin (the logit for score: logit)'),
  })
  .refine(stepsFit, stepsDoNotFit);

export type CurveOptions = z.output<typeof curveOptions>;
type CurveOrderOptions = z.output<typeof curveOrderOptions>;

/** Numbers of elements changed after each step. */
export function edgesOf(options: CurveOrderOptions, elements: number): number[] {
  return options.pixelsPerStep === undefined
    ? equalEdges(elements, options.steps)
    : edgesPerStep(elements, options.pixelsPerStep);
}

/**
 * Numbers of elements changed at the states of one curve, both ends included, without ties that are averaged. With
 * patches in mm the spacing of an image decides; these are then the ones for a spacing of 1 mm.
 */
function plannedEdges(options: CurveOrderOptions, input: ModelInput): number[] {
  const [h, w] = planar(input.spatial);
  if (options.unit === 'pixels') return edgesOf(options, h * w);
  const [rows, columns] = patchSize(options);
  return edgesOf(options, Math.ceil(h / rows) * Math.ceil(w / columns));
}

/** What a curve in the order of the map costs: its points, of which its ends belong to all curves of the image. */
export function curveCost(options: CurveOrderOptions, input: ModelInput, paths: readonly CurvePath[]): Cost {
  const edges = plannedEdges(options, input);
  const inner = edges.length - 2;
  const known = options.unit === 'pixels' || options.patchPixels !== undefined;
  const symmetric = known && edges.every((e, i) => e + edges.at(-1 - i)! === edges.at(-1)!);
  const { score = 'probability', normalised: _, ...order } = options as Partial<CurveOptions>;
  const raw = score === 'logit' ? 'logit' : 'margin';
  const path = (name: CurvePath): SharedPasses => ({
    key: JSON.stringify([symmetric && name === 'kept, mirrored' ? 'kept' : name, raw, order]),
    ...{ per: 'map', forward: inner, backward: 0 },
  });
  return {
    forward: 2 + inner * paths.length,
    backward: 0,
    shared: [
      { key: `scores of the image/${raw}`, per: 'image', forward: 1, backward: 0 },
      { key: `scores of the baseline/${raw}`, per: 'image', forward: 1, backward: 0 },
      ...paths.map(path),
    ],
  };
}

/** `removed`, `kept`: the most relevant elements first; `kept, mirrored`: at the points of `removed`, read from its end. */
export type CurvePath = 'removed' | 'kept' | 'kept, mirrored';
