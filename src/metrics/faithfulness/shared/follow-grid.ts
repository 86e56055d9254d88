import { isUndefined, type Undefined } from '../../../core/contracts/index.ts';
import { errorOfArea, firstPoints, type SeenCurve } from '../../../core/perturbation/refinement.ts';
import { allSame } from './outcome.ts';
import { rangeOf, untilPrecise } from './until-precise.ts';

/** A curve of one order, of which all points that it has can be asked for. */
export interface GridCurve {
  /** Ascending. */
  readonly x: readonly number[];
  /** Raw scores that are known beforehand. */
  readonly known?: ReadonlyMap<number, number>;
  /** Raw scores of some points, ascending; shared with other metrics where these ask for the same ones. */
  look(index: readonly number[]): Promise<readonly number[] | Undefined>;
}

/** Curves as far as they were looked at. */
export interface FollowedGrids {
  readonly curves: readonly SeenCurve[];
  /** Estimated error of the sum or difference of their areas, as if theirs were independent; absent where all points were asked for. */
  readonly error?: number;
}

/** How precise the areas must be. */
export interface AreaPrecision {
  readonly precision: number | 'exact';
  /** `range`: the precision is a share of the range of the scores seen, else it is in the unit of the area. */
  readonly unit: 'range' | 'own';
}

/**
 * Looks at points of each curve until the estimated error of its area is at most the precision; with `exact` at all of
 * them.
 * @param follow what the areas are under, from raw scores
 */
export async function followGrids(
  grids: readonly GridCurve[],
  precision: AreaPrecision,
  follow: (raw: number) => number,
): Promise<FollowedGrids | Undefined> {
  const curves: SeenCurve[] = [];
  const errors: number[] = [];
  for (const grid of grids) {
    const found = await followGrid(grid, precision, follow);
    if (isUndefined(found)) return found;
    curves.push(found.curve);
    errors.push(found.error);
  }
  return { curves, ...(precision.precision === 'exact' ? {} : { error: Math.hypot(...errors) }) };
}

async function followGrid(
  { x, known, look }: GridCurve,
  { precision, unit }: AreaPrecision,
  follow: (raw: number) => number,
): Promise<{ readonly curve: SeenCurve; readonly error: number } | Undefined> {
  const found = new Map(known);
  const lookAt = async (wanted: readonly number[]): Promise<Undefined | undefined> => {
    const index = wanted.filter(i => !found.has(i));
    if (index.length === 0) return undefined;
    const raw = await look(index);
    if (isUndefined(raw)) return raw;
    for (const [j, i] of index.entries()) found.set(i, raw[j]!);
    return undefined;
  };
  const all = x.map((_, i) => i);
  const curve = (): SeenCurve => {
    const index = [...found.keys()].sort((a, b) => a - b);
    return { index, x: index.map(i => x[i]!), raw: index.map(i => found.get(i)!) };
  };
  const scores = () => curve().raw.map(follow);

  const failed = await lookAt(precision === 'exact' ? all : firstPoints(x.length - 1));
  if (failed) return failed;
  if (precision === 'exact') return { curve: curve(), error: 0 };
  // A curve that seems flat is looked at whole before it is called so.
  if (allSame(scores())) {
    const missing = await lookAt(all);
    if (missing) return missing;
  }
  const part = () => {
    const { error, next } = errorOfArea(curve(), follow);
    return { error, ...(next.length > 0 ? { look: () => lookAt(next) } : {}) };
  };
  const error = await untilPrecise(part, () => precision * (unit === 'own' ? 1 : rangeOf(scores())));
  return typeof error === 'number' ? { curve: curve(), error } : error;
}

/** Points beside the first ones that a precision takes, of one curve: a mean over the runs of docs/precision.md. */
const [FIRST_STEPS, MORE_STEPS] = [9, 0.14];

/** Points of a curve with this many steps that are to be expected, beside its start. */
export function expectedSteps(steps: number, precision: number | 'exact'): number {
  return precision === 'exact' ? steps : Math.min(steps, Math.round(FIRST_STEPS + MORE_STEPS / precision));
}
