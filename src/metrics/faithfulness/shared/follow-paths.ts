import type { Curve } from '../../../core/contracts/index.ts';
import { areaUnder, valueAt } from '../../../core/perturbation/curve.ts';
import { errorOfArea, firstPoints } from '../../../core/perturbation/refinement.ts';
import type { CurveOptions } from './options.ts';
import { allSame } from './outcome.ts';
import type { Curves, Point, State } from './scores.ts';

/** The smallest estimate that is given, as a share of the precision, unless all points are known. */
const RESOLVED = 0.8;

/** A path to be followed: all the points that it has, by the number of elements changed. */
export interface Path {
  readonly state: State;
  readonly edges: readonly number[];
}

/** A path as far as it was looked at. */
export interface SeenPath {
  /** Numbers of elements changed at the points of the curve. */
  readonly edges: readonly number[];
  /** All raw scores that were seen. */
  readonly raw: readonly number[];
  /** The mean over the priority fields of a function of the raw score, over the true fraction of pixels. */
  curve(follow: (raw: number) => number): Curve;
  /** The area under that curve. */
  area(follow: (raw: number) => number): number;
  /** For each priority field, where all points were looked at. */
  readonly fields: readonly { readonly fraction: readonly number[]; readonly points: readonly Point[] }[];
}

export interface FollowedPaths {
  readonly paths: readonly SeenPath[];
  /** Estimated error of the sum or difference of their areas; absent where the definition asks for all points. */
  readonly error?: number;
}

/** All points of a path. */
export async function wholePath(curves: Curves, path: Path): Promise<SeenPath> {
  const walk = begin(curves, path);
  await walk.lookAtAll();
  return walk.seen();
}

/**
 * Follows paths until the estimated error of their areas together is at most `options.precision`: of the score's own
 * unit where that is a probability or a share, else of the range of the scores seen. With `exact` all points are scored.
 *
 * Where pixels are tied and several random orders are averaged, the first order's curve is followed by itself, and by
 * how much the mean of all differs from it as a second curve: that one is smooth and small, and needs few points.
 * @param follow what the areas are under, from raw scores
 */
export async function followPaths(
  curves: Curves,
  wanted: readonly Path[],
  { precision, score, normalised }: Pick<CurveOptions, 'precision' | 'score' | 'normalised'>,
  follow: (raw: number) => number,
): Promise<FollowedPaths> {
  const walks = wanted.map(path => begin(curves, path));
  const seen = () => walks.map(walk => walk.seen());
  if (precision === 'exact') {
    for (const walk of walks) await walk.lookAtAll();
    return { paths: seen() };
  }
  for (const walk of walks) await walk.lookFirst();
  const range = () => rangeOf(seen().flatMap(path => path.raw.map(follow)));
  // A curve that seems flat is looked at whole before it is called so.
  if (allSame(seen().flatMap(path => path.raw.map(follow)))) for (const walk of walks) await walk.lookAtAll();
  for (;;) {
    const parts = walks.flatMap(walk => walk.parts(follow));
    const error = Math.hypot(...parts.map(p => p.error));
    const open = parts.filter(p => p.next.length > 0);
    const unit = score === 'probability' || normalised ? 1 : range();
    const limit = precision * unit;
    if (open.length === 0) return { paths: seen(), error };
    // Few points can't tell how much better than asked they are.
    if (error <= limit) return { paths: seen(), error: Math.max(error, RESOLVED * limit) };
    // Errors fall about as 1 / points: where a pass takes most off the variance.
    const worth = (p: Part) => p.error ** 2 / (p.known * p.passes);
    const best = open.reduce((a, b) => (worth(b) > worth(a) ? b : a));
    await best.look(best.next);
  }
}

/** A curve whose area is part of the result: that of the first order, or the difference of the others from it. */
interface Part {
  readonly error: number;
  readonly next: readonly number[];
  readonly known: number;
  /** Of one more point. */
  readonly passes: number;
  look(index: readonly number[]): Promise<void>;
}

interface Walk {
  lookFirst(): Promise<void>;
  lookAtAll(): Promise<void>;
  /** Looks at points in all orders. */
  lookAt(index: readonly number[]): Promise<void>;
  /** For each order, the points that are known. */
  orders(): {
    readonly index: readonly number[];
    readonly fraction: readonly number[];
    readonly points: readonly Point[];
  }[];
  parts(follow: (raw: number) => number): Part[];
  seen(): SeenPath;
}

export function begin(curves: Curves, { state, edges }: Path): Walk {
  const { sequences, ties } = curves.plan;
  // Within a tie the score dips and comes back; nothing else tells where a single order is followed.
  const course = sequences.length === 1 && ties.length > 0 ? 'noise' : 'curve';
  const last = edges.length - 1;
  const all = edges.map((_, i) => i);
  const open = all.filter(i => curves.isOpen(edges[i]!));
  const isOpen = new Set(open);
  const [start, end] = state === 'removed' ? [curves.image, curves.baseline] : [curves.baseline, curves.image];
  const first = new Map<number, Point>([
    [0, start],
    [last, end],
  ]);
  /** Of the other orders, where they differ from the first. */
  const others = new Map<number, readonly Point[]>();
  const ascending = (known: Iterable<number>) => [...known].sort((a, b) => a - b);
  const fraction = (f: number, i: number) => sequences[f]!.ends[edges[i]!]! / sequences[f]!.pixels.length;
  const x = (i: number) => mean(sequences.map((_, f) => fraction(f, i)));
  const pointOf = (f: number, i: number) => (f === 0 || !isOpen.has(i) ? first.get(i)! : others.get(i)![f - 1]!);

  const lookAtFirst = async (wanted: readonly number[]) => {
    const index = wanted.filter(i => !first.has(i));
    if (index.length === 0) return;
    const found = await curves.points(
      state,
      index.map(i => edges[i]!),
      'first',
    );
    for (const [j, i] of index.entries()) first.set(i, found[0]![j]!);
  };
  const lookAtOthers = async (wanted: readonly number[]) => {
    const index = wanted.filter(i => isOpen.has(i) && !others.has(i));
    if (index.length === 0) return;
    await lookAtFirst(index);
    const found = await curves.points(
      state,
      index.map(i => edges[i]!),
      'others',
    );
    for (const [j, i] of index.entries()) {
      others.set(
        i,
        found.map(points => points[j]!),
      );
    }
  };
  /** How far the mean over all orders is from the first; 0 where they agree. */
  const difference = (i: number, follow: (raw: number) => number) =>
    isOpen.has(i) ? mean(sequences.map((_, f) => follow(pointOf(f, i).score))) - follow(first.get(i)!.score) : 0;
  const compared = () => ascending(all.filter(i => !isOpen.has(i) || others.has(i)));
  const isWhole = () => first.size === all.length && others.size === open.length;

  return {
    async lookFirst() {
      const index = firstPoints(last);
      await lookAtFirst(index);
      // Every second one, from the second on.
      await lookAtOthers(index.filter((_, j) => j % 2 === 0));
    },
    async lookAt(index) {
      await lookAtFirst(index);
      await lookAtOthers(index);
    },
    orders() {
      const inAll = compared().filter(i => first.has(i));
      return sequences.map((_, f) => {
        const index = f === 0 ? ascending(first.keys()) : inAll;
        return { index, fraction: index.map(i => fraction(f, i)), points: index.map(i => pointOf(f, i)) };
      });
    },
    async lookAtAll() {
      await lookAtFirst(all);
      await lookAtOthers(open);
    },
    parts(follow) {
      const index = ascending(first.keys());
      const raw = index.map(i => first.get(i)!.score);
      const own = errorOfArea({ index, x: index.map(x), raw }, follow, course);
      const parts: Part[] = [{ ...own, known: index.length, passes: 1, look: lookAtFirst }];
      if (open.length === 0) return parts;
      const both = compared();
      const apart = both.map(i => difference(i, follow));
      const other = errorOfArea({ index: both, x: both.map(x), raw: apart }, value => value, 'noise');
      return [...parts, { ...other, known: 1 + others.size, passes: sequences.length - 1, look: lookAtOthers }];
    },
    seen() {
      const index = ascending(first.keys());
      const curve = (follow: (raw: number) => number): Curve => {
        const both = compared();
        const [at, apart] = [both.map(x), both.map(i => difference(i, follow))];
        const shift = (i: number) =>
          isOpen.has(i) && !others.has(i) ? valueAt(at, apart, x(i)) : difference(i, follow);
        return { fraction: index.map(x), score: index.map(i => follow(first.get(i)!.score) + shift(i)) };
      };
      const fields = sequences.map((_, f) => ({
        fraction: index.map(i => fraction(f, i)),
        points: isWhole() ? index.map(i => pointOf(f, i)) : [],
      }));
      return {
        edges: index.map(i => edges[i]!),
        raw: [...[...first.values()].map(p => p.score), ...[...others.values()].flatMap(all => all.map(p => p.score))],
        fields,
        curve,
        area(follow) {
          if (isWhole()) {
            return mean(
              fields.map(f =>
                areaUnder(
                  f.fraction,
                  f.points.map(p => follow(p.score)),
                ),
              ),
            );
          }
          const own = index.map(i => follow(first.get(i)!.score));
          const both = compared();
          const apart = both.map(i => difference(i, follow));
          return areaUnder(index.map(x), own) + areaUnder(both.map(x), apart);
        },
      };
    },
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** How far apart values are. */
function rangeOf(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}
