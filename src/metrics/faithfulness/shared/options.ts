import { z } from 'zod';
import type { ModelInput } from '../../../core/contracts/index.ts';
import { edgesPerStep, equalEdges } from '../../../core/perturbation/path.ts';
import { planar } from '../../../core/tensor.ts';

/** What the metrics have in common that perturb an image in the order of its map and follow the score. */
export const curveOptions = z
  .strictObject({
    steps: z.int().min(1).default(100).describe('equal steps from the first to the last element'),
    pixelsPerStep: z.int().min(1).optional().describe('pixels changed a step, instead of equal steps'),
    unit: z.enum(['pixels', 'patches']).default('pixels').describe('what is ordered and changed together'),
    patch: z.number().positive().default(8).describe('side of a patch in mm; in pixels where the spacing is unknown'),
    patchPixels: z.int().min(1).optional().describe('side of a patch in pixels, whatever the spacing'),
    score: z.enum(['probability', 'logit', 'margin']).default('probability').describe('score followed along the curve'),
    order: z
      .enum(['seeded', 'stable'])
      .default('seeded')
      .describe('among ties: a seeded random order that all methods share, or row by row'),
    tieFields: z.int().min(1).max(50).default(5).describe('random orders averaged where many pixels are tied'),
    normalised: z
      .boolean()
      .default(false)
      .describe('the area of (s − s(baseline)) / (s(image) − s(baseline)), s the margin (the logit for score: logit)'),
  })
  .refine(o => o.unit === 'pixels' || o.pixelsPerStep === undefined, {
    message: 'pixelsPerStep needs unit: pixels; with unit: patches give steps',
    path: ['pixelsPerStep'],
  });

export type CurveOptions = z.output<typeof curveOptions>;

/** Numbers of elements changed after each step. */
export function edgesOf(options: CurveOptions, elements: number): number[] {
  return options.pixelsPerStep === undefined
    ? equalEdges(elements, options.steps)
    : edgesPerStep(elements, options.pixelsPerStep);
}

/** Rows and columns of a patch in pixels. */
export function patchSize(options: CurveOptions, spacing?: readonly number[]): [number, number] {
  const side = (mm: number): number => Math.max(1, Math.round(options.patch / mm));
  if (options.patchPixels !== undefined) return [options.patchPixels, options.patchPixels];
  const [rows, columns] = planar(spacing ?? [1, 1]);
  return [side(rows), side(columns)];
}

/**
 * States of one curve, both ends included, without ties that are averaged. With patches in mm the spacing of an
 * image decides; this is then the number for a spacing of 1 mm.
 */
export function pointsOf(options: CurveOptions, input: ModelInput): number {
  const [h, w] = planar(input.spatial);
  if (options.unit === 'pixels') return edgesOf(options, h * w).length;
  const [rows, columns] = patchSize(options);
  return edgesOf(options, Math.ceil(h / rows) * Math.ceil(w / columns)).length;
}
