import { z } from 'zod';
import type { Cost, ModelFacts, SharedPasses } from '../../../core/contracts/index.ts';
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

/** Of the area under a curve. A suite that does not give it gives its own. */
export const precisionOption = z
  .union([z.literal('exact'), z.number().positive().max(0.5)])
  .default('exact')
  .describe(
    'largest estimated error of the area under each curve, in probability or as a share of the range of other scores; exact: all steps are scored. A suite has its own default',
  );

/** What metrics have in common that read a curve of the probability, whatever they make of it. */
export const curveOrderOptions = z
  .strictObject({ ...orderOptions, precision: precisionOption })
  .refine(stepsFit, stepsDoNotFit);

/** What the metrics have in common that perturb an image in the order of its map and follow the score. */
export const curveOptions = z
  .strictObject({
    ...orderOptions,
    score: z.enum(['probability', 'logit', 'margin']).default('probability').describe('score followed along the curve'),
    precision: precisionOption,
    normalised: z
      .boolean()
      .default(false)
      .describe('the area of (s − s(baseline)) / (s(image) − s(baseline)), s the margin (the logit for score: logit)'),
  })
  .refine(stepsFit, stepsDoNotFit);

export type CurveOptions = z.output<typeof curveOptions>;
type CurveOrderOptions = z.output<typeof curveOrderOptions>;

/** Why curves have no meaning for a regression with these options; undefined: they have one. */
export function curveNeedsClasses({ score, normalised }: CurveOptions): string | undefined {
  if (score !== 'probability' || normalised) return undefined;
  return 'it follows a probability. Set options: { score: logit, normalised: true } to follow the value, as a share of its change';
}

/** Numbers of elements changed after each step. */
export function edgesOf(options: CurveOrderOptions, elements: number): number[] {
  return options.pixelsPerStep === undefined
    ? equalEdges(elements, options.steps)
    : edgesPerStep(elements, options.pixelsPerStep);
}

/**
 * Numbers of elements changed at the states of one curve, both ends included. With patches in mm the
 * spacing of an image decides, which is 1 mm where it is not known.
 */
function plannedEdges(options: CurveOrderOptions, { spatial, spacing }: ModelFacts): number[] {
  const [h, w] = planar(spatial);
  if (options.unit === 'pixels') return edgesOf(options, h * w);
  const [rows, columns] = patchSize(options, spacing);
  return edgesOf(options, Math.ceil(h / rows) * Math.ceil(w / columns));
}

/** Points that a curve is looked at first, and how many more a precision takes: means over the runs of docs/precision.md. */
const FIRST_POINTS = 9;
const MORE_POINTS = { probability: 0.14, other: 0.24 };
/** By how much each further order of ties adds to that, on a map of regions. */
const TIED_SHARE = 0.2;
/** Where much of a map is 0, nothing but the orders tells patches apart: this share of all points in all orders. */
const OF_ZEROS = 0.6;
/** How many of all points each further order has for itself, by what is ordered: those that lie within a tie. */
const WITHIN_TIES = { regions: { pixels: 1, patches: 0.7 }, zeros: { pixels: 0.3, patches: 0.7 } };

/** Points of one curve to be expected, of `all` between its ends. */
function expectedPoints(
  { precision = 'exact', score, normalised, tieFields = 1, unit = 'pixels' }: Partial<CurveOptions>,
  all: number,
  tied: ModelFacts['tied'],
): number {
  const further = tied ? tieFields - 1 : 0;
  const exact = all * (1 + (tied ? WITHIN_TIES[tied][unit] * further : 0));
  if (precision === 'exact') return Math.round(exact);
  if (tied === 'zeros' && unit === 'patches' && further > 0) return Math.round(OF_ZEROS * exact);
  const more = score === 'probability' && !normalised ? MORE_POINTS.probability : MORE_POINTS.other;
  return Math.round(Math.min(all, FIRST_POINTS + more / precision) * (1 + TIED_SHARE * further));
}

/**
 * What a curve in the order of the map costs: its points, of which its ends belong to all curves of the image. With a
 * precision, and where pixels are tied, that is what is to be expected, not what is certain.
 */
export function curveCost(options: CurveOrderOptions, input: ModelFacts, paths: readonly CurvePath[]): Cost {
  const edges = plannedEdges(options, input);
  const inner = expectedPoints(options, edges.length - 2, input.tied);
  const known = options.unit === 'pixels' || options.patchPixels !== undefined || input.spacing !== undefined;
  const symmetric = known && edges.every((e, i) => e + edges.at(-1 - i)! === edges.at(-1)!);
  const { score = 'probability', normalised, precision = 'exact', ...order } = options as Partial<CurveOptions>;
  const raw = score === 'logit' ? 'logit' : 'margin';
  // Points that are chosen for another score are others, but for the first.
  const chosen = precision === 'exact' ? precision : [precision, score, normalised];
  const path = (name: CurvePath): SharedPasses => ({
    key: JSON.stringify([symmetric && name === 'kept, mirrored' ? 'kept' : name, raw, order, chosen]),
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
