import type { Curve } from '../../../core/contracts/index.ts';
import { areaUnder } from '../../../core/perturbation/curve.ts';
import { errorOfArea, firstPoints, followedDeviation, type PointNoise } from '../../../core/perturbation/refinement.ts';
import type { CurveOptions } from './options.ts';
import { allSame } from './outcome.ts';
import type { Curves, Point, State } from './scores.ts';
import { type AreaPart, rangeOf, untilPrecise } from './until-precise.ts';

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
  /** Estimated error of the sum or difference of their areas, as if theirs were independent; absent where the definition asks for all points. */
  readonly error?: number;
}

/**
 * Follows each path until the estimated error of its area is at most `options.precision`: of the score's own unit where
 * that is a probability or a share, else of the range of the scores seen on it. With `exact` all points are scored. Which
 * points a path is looked at depends on no other path, so that all metrics that follow it ask for the same ones.
 *
 * Where pixels are tied and several random orders are averaged, one order is looked at for each point, in turn, so that
 * the chance of one is not that of its neighbour. How large it is, points that are looked at in two orders tell.
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
  const errors: number[] = [];
  for (const walk of walks) {
    const scores = () => walk.seen().raw.map(follow);
    await walk.lookFirst();
    // A curve that seems flat is looked at whole before it is called so.
    if (allSame(scores())) await walk.lookAtAll();
    const limit = () => precision * (score === 'probability' || normalised ? 1 : rangeOf(scores()));
    errors.push(await untilPrecise(() => walk.part(follow), limit));
  }
  return { paths: seen(), error: Math.hypot(...errors) };
}

interface Walk {
  lookFirst(): Promise<void>;
  lookAtAll(): Promise<void>;
  /** Looks at points in all orders. */
  lookAt(index: readonly number[]): Promise<void>;
  /** For each order, the points that are known in all. */
  orders(): {
    readonly index: readonly number[];
    readonly fraction: readonly number[];
    readonly points: readonly Point[];
  }[];
  part(follow: (raw: number) => number): AreaPart;
  seen(): SeenPath;
}

/** Of so many points within ties one is looked at in two orders: all along the curve, since orders differ most where it moves. */
const PAIRED = 4;
/** So many points are looked at in one order more at a time, where all are known in one. */
const DEEPER = 4;
/** Raw scores beyond these are those of a saturated probability. */
const SATURATED = 40;

export function begin(curves: Curves, { state, edges }: Path): Walk {
  const { sequences, ties } = curves.plan;
  // Within a tie the score dips and comes back; nothing else tells where a single order is followed.
  const course = sequences.length === 1 && ties.length > 0 ? 'noise' : 'curve';
  const last = edges.length - 1;
  const all = edges.map((_, i) => i);
  const isOpen = new Set(all.filter(i => curves.isOpen(edges[i]!)));
  const [start, end] = state === 'removed' ? [curves.image, curves.baseline] : [curves.baseline, curves.image];
  /** By point, the orders in which it is known; one stands for all where they agree. */
  const known = new Map<number, Map<number, Point>>([
    [0, new Map([[0, start]])],
    [last, new Map([[0, end]])],
  ]);
  const fraction = (f: number, i: number) => sequences[f]!.ends[edges[i]!]! / sequences[f]!.pixels.length;
  const x = (i: number) => mean(sequences.map((_, f) => fraction(f, i)));
  const fieldsOf = (i: number) => (isOpen.has(i) ? sequences.length : 1);
  const pointsOf = (i: number) => [...known.get(i)!.values()];
  const index = () => [...known.keys()].sort((a, b) => a - b);
  const isKnown = (i: number) => (known.get(i)?.size ?? 0) === fieldsOf(i);
  const isWhole = () => all.every(isKnown);
  const height = (i: number, follow: (raw: number) => number) => mean(pointsOf(i).map(p => follow(p.score)));
  const pointOf = (f: number, i: number) => known.get(i)!.get(isOpen.has(i) ? f : 0)!;

  const look = async (wanted: readonly { readonly i: number; readonly field: number }[]) => {
    const missing = wanted.filter(({ i, field }) => !known.get(i)?.has(field));
    if (missing.length === 0) return;
    const found = await curves.points(
      state,
      missing.map(({ i, field }) => ({ edge: edges[i]!, field })),
    );
    for (const [j, { i, field }] of missing.entries()) {
      const own = known.get(i) ?? new Map<number, Point>();
      known.set(i, own.set(field, found[j]!));
    }
  };
  const inAllOrders = (wanted: readonly number[]) =>
    wanted.flatMap(i => Array.from({ length: fieldsOf(i) }, (_, field) => ({ i, field })));
  let turn = 0;
  /** Each point in the order whose turn it is. */
  const inTurn = (wanted: readonly number[]) =>
    wanted.flatMap(i => {
      if (known.has(i)) return [];
      if (!isOpen.has(i)) return [{ i, field: 0 }];
      const field = turn % sequences.length;
      const paired = turn++ % PAIRED === 1;
      return paired
        ? [
            { i, field },
            { i, field: (field + 1) % sequences.length },
          ]
        : [{ i, field }];
    });
  /** The order in which a point is looked at next: those after its first, so that no order is the last one of all points. */
  const nextField = (i: number) => {
    const own = known.get(i)!;
    const first = own.keys().next().value!;
    return sequences.map((_, k) => (first + k) % sequences.length).find(field => !own.has(field))!;
  };
  /** What points owe to the orders that they are known in. */
  const noiseOf = (points: readonly number[], raw: readonly number[], follow: (raw: number) => number): PointNoise => {
    const spread = points.filter(i => isOpen.has(i) && known.get(i)!.size > 1).map(i => pointsOf(i).map(rawOf));
    const freedom = spread.reduce((sum, own) => sum + own.length - 1, 0);
    const squares = spread.flatMap(own => own.map(v => (v - mean(own)) ** 2)).reduce((a, b) => a + b, 0);
    const variance = freedom > 0 ? squares / freedom : 0;
    // Of few pairs it is little known itself.
    const doubt = 1 + 1 / Math.sqrt(Math.max(1, freedom));
    const orders = (i: number) => (isOpen.has(i) ? known.get(i)!.size : Number.POSITIVE_INFINITY);
    return {
      raw: points.map(i => variance / orders(i)),
      followed: points.map((i, j) => {
        const left = isOpen.has(i) ? 1 / orders(i) - 1 / sequences.length : 0;
        return followedDeviation(raw[j]!, Math.sqrt(variance), follow) ** 2 * left * doubt;
      }),
    };
  };

  return {
    lookFirst: () => look(inTurn(firstPoints(last))),
    lookAt: wanted => look(inAllOrders(wanted)),
    lookAtAll: () => look(inAllOrders(all)),
    orders() {
      const inAll = index().filter(isKnown);
      return sequences.map((_, f) => ({
        index: inAll,
        fraction: inAll.map(i => fraction(f, i)),
        points: inAll.map(i => pointOf(f, i)),
      }));
    },
    part(follow) {
      const points = index();
      const raw = points.map(i => mean(pointsOf(i).map(rawOf)));
      const noise = isOpen.size > 0 ? { noise: noiseOf(points, raw, follow) } : {};
      const { error, next } = errorOfArea({ index: points, x: points.map(x), raw, ...noise }, follow, course);
      if (next.length > 0) return { error, look: async () => void (await look(inTurn(next))) };
      const deeper = points
        .filter(i => !isKnown(i))
        .sort((a, b) => known.get(a)!.size - known.get(b)!.size || a - b)
        .slice(0, DEEPER)
        .map(i => ({ i, field: nextField(i) }));
      return { error, ...(deeper.length > 0 ? { look: async () => void (await look(deeper)) } : {}) };
    },
    seen() {
      const points = index();
      const whole = isWhole();
      const fields = sequences.map((_, f) => ({
        fraction: points.map(i => fraction(f, i)),
        points: whole ? points.map(i => pointOf(f, i)) : [],
      }));
      return {
        edges: points.map(i => edges[i]!),
        raw: points.flatMap(i => pointsOf(i).map(p => p.score)),
        fields,
        curve: follow => ({ fraction: points.map(x), score: points.map(i => height(i, follow)) }),
        area(follow) {
          if (whole) {
            return mean(
              fields.map(f =>
                areaUnder(
                  f.fraction,
                  f.points.map(p => follow(p.score)),
                ),
              ),
            );
          }
          return areaUnder(
            points.map(x),
            points.map(i => height(i, follow)),
          );
        },
      };
    },
  };
}

/** Finite. */
function rawOf({ score }: Point): number {
  return Number.isFinite(score) ? score : Math.sign(score) * SATURATED;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
