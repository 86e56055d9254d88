import { z } from 'zod';
import type { ModelFacts } from '../../core/contracts/index.ts';
import { planar } from '../../core/tensor.ts';

/** How large patches are. */
export const patchSizeOptions = {
  patch: z.number().positive().default(8).describe('side of a patch in mm; in pixels where the spacing is unknown'),
  patchPixels: z.int().min(1).optional().describe('side of a patch in pixels, whatever the spacing'),
};

/** What the metrics have in common that remove patches, and compare the change of the score with the map's sum. */
export const patchOptions = {
  ...patchSizeOptions,
  score: z.enum(['margin', 'logit', 'probability']).default('margin').describe('score whose change is followed'),
};

export type PatchOptions = z.output<z.ZodObject<typeof patchOptions>>;

/** Rows and columns of a patch in pixels. */
export function patchSize(
  options: Pick<PatchOptions, 'patch' | 'patchPixels'>,
  spacing?: readonly number[],
): [number, number] {
  const side = (mm: number): number => Math.max(1, Math.round(options.patch / mm));
  if (options.patchPixels !== undefined) return [options.patchPixels, options.patchPixels];
  const [rows, columns] = planar(spacing ?? [1, 1]);
  return [side(rows), side(columns)];
}

/** Names the patches and the score that is followed, where passes are counted that metrics share. */
export function patchWork({ patch, patchPixels, score }: PatchOptions): string {
  return JSON.stringify([patchPixels ?? `${patch} mm`, score]);
}

/** Patches of an image of this size; with patches in mm the spacing decides, which is 1 mm where it is not known. */
export function patchCount(options: PatchOptions, { spatial, spacing }: ModelFacts): number {
  const [h, w] = planar(spatial);
  const [rows, columns] = patchSize(options, spacing);
  return Math.ceil(h / rows) * Math.ceil(w / columns);
}
