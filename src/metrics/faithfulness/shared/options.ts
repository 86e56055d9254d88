import { z } from 'zod';
import type { ModelInput } from '../../../core/contracts/index.ts';
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
 * States of one curve, both ends included, without ties that are averaged. With patches in mm the spacing of an
 * image decides; this is then the number for a spacing of 1 mm.
 */
export function pointsOf(options: CurveOrderOptions, input: ModelInput): number {
  const [h, w] = planar(input.spatial);
  if (options.unit === 'pixels') return edgesOf(options, h * w).length;
  const [rows, columns] = patchSize(options);
  return edgesOf(options, Math.ceil(h / rows) * Math.ceil(w / columns)).length;
}
