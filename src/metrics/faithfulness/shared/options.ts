import { z } from 'zod';
import type { ModelInput } from '../../../core/contracts/index.ts';
import { edgesPerStep, equalEdges } from '../../../core/perturbation/path.ts';
import { planar } from '../../../core/tensor.ts';

const patchSizeOptions = {
  patch: z.number().positive().default(8).describe('side of a patch in mm; in pixels where the spacing is unknown'),
  patchPixels: z.int().min(1).optional().describe('side of a patch in pixels, whatever the spacing'),
};

/** What the metrics have in common that remove patches, and compare the change of the score with the map's sum. */
export const patchOptions = {
  ...patchSizeOptions,
  score: z.enum(['margin', 'logit', 'probability']).default('margin').describe('score whose change is followed'),
};

export type PatchOptions = z.output<z.ZodObject<typeof patchOptions>>;

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

/** Rows and columns of a patch in pixels. */
export function patchSize(
  options: Pick<CurveOptions, 'patch' | 'patchPixels'>,
  spacing?: readonly number[],
): [number, number] {
  const side = (mm: number): number => Math.max(1, Math.round(options.patch / mm));
  if (options.patchPixels !== undefined) return [options.patchPixels, options.patchPixels];
  const [rows, columns] = planar(spacing ?? [1, 1]);
  return [side(rows), side(columns)];
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

/** Patches of an image of this size; with patches in mm the spacing decides, and this is the number for 1 mm. */
export function patchCount(options: PatchOptions, input: ModelInput): number {
  const [h, w] = planar(input.spatial);
  const [rows, columns] = patchSize(options);
  return Math.ceil(h / rows) * Math.ceil(w / columns);
}
