import { z } from 'zod';
import { PLANES } from './volume.ts';

/** Options by which volumes are cut into slices. */
export const cutOptions = {
  every: z.number().positive().optional().describe('Millimetres between slices at least. Default: every slice.'),
  range: z
    .tuple([z.number().min(0).max(1), z.number().min(0).max(1)])
    .optional()
    .describe('Only slices between these shares of the extent, from feet (0) to head (1) for axial ones.'),
  only: z
    .enum(['lung', 'lesion'])
    .optional()
    .describe('Only slices with lung (at least 5 % of the body, by its density) or with a lesion (in the masks).'),
} as const;

export const planeOption = z.enum(PLANES).default('axial').describe('How volumes are cut.');

export interface CutChoice {
  readonly every?: number | undefined;
  readonly range?: readonly [number, number] | undefined;
}

/**
 * Which of the slices at these positions (mm, ascending) are taken: those in the range, and of these each one that lies
 * at least `every` mm beyond the one taken before it.
 */
export function chooseCuts(positions: readonly number[], { every, range }: CutChoice): number[] {
  if (positions.length === 0) return [];
  const [first, last] = [positions[0]!, positions.at(-1)!];
  const [from, to] = (range ?? [0, 1]).map(share => first + share * (last - first)) as [number, number];
  const slack = 1e-6 * Math.max(1, Math.abs(last - first));
  const taken: number[] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const [k, at] of positions.entries()) {
    if (at < from - slack || at > to + slack) continue;
    if (every !== undefined && at - before < every - slack) continue;
    taken.push(k);
    before = at;
  }
  return taken;
}
